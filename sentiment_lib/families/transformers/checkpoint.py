"""Checkpoints of a training, from which a killed training resumes. One safetensors file, replaced atomically.

Whoever gives the folder removes it once the trained model is stored elsewhere: a kill after the last step repeats no
steps.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from sentiment_lib.files import replace_atomically

FILE = "training.safetensors"
DRAFTS = "drafts"
#: Prefix of the states of the GPUs' random generators.
CUDA = "cuda/"


class Checkpoint:
    """One file in a folder; without a folder nothing is saved.

    `key` identifies everything that went into the training: a checkpoint with another key is never resumed.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._path = None if folder is None else folder / FILE
        self._key = key

    def save(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        best: dict[str, torch.Tensor],
        progress: dict[str, Any],
    ) -> None:
        """Save trainable weights, optimiser moments, random generators, and the best weights so far."""
        if self._path is None:
            return
        tensors = {f"weights/{name}": value.detach() for name, value in trainable(network).items()}
        tensors |= {f"best/{name}": value for name, value in best.items()}
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"moments/{number}/{name}": value for name, value in state.items()}
        tensors["generator"] = torch.get_rng_state()
        if any(value.is_cuda for value in tensors.values()):
            # dropout on a GPU draws from that GPU's own generator
            tensors |= {f"{CUDA}{gpu}": state for gpu, state in enumerate(torch.cuda.get_rng_state_all())}
        self._write(tensors, progress)

    def finish(self, best: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
        """Save the selected weights alone: all that is needed after the last step."""
        if self._path is not None:
            self._write({f"best/{name}": value for name, value in best.items()}, progress)

    def _write(self, tensors: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
        assert self._path is not None
        # without a GPU neither call copies: all tensors here are contiguous
        content = {name: value.cpu().contiguous() for name, value in tensors.items()}
        metadata = {"key": self._key, "progress": json.dumps(progress)}
        # safetensors, when killed, leaves temporary files beside its target: they go into a folder of their own
        with replace_atomically(self._path, drafts=self._path.parent / DRAFTS) as draft:
            save_file(content, draft, metadata=metadata)

    def resume(
        self, network: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """Restore the saved state in place and return progress and best weights; None without a matching checkpoint.

        After `finish` the network gets the selected weights, and the optimiser stays as it is.
        """
        if self._path is None or not self._path.is_file():
            return None
        try:
            with safe_open(self._path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("key") != self._key:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except SafetensorError:
            # truncated by a full disk or a power cut: start over instead of failing forever
            return None
        progress, best = json.loads(metadata["progress"]), _under("best/", tensors)
        weights = _under("weights/", tensors)
        network.load_state_dict(weights or best, strict=False)
        if not weights:
            return progress, best
        state = optimizer.state_dict()
        state["state"] = {}
        for name, value in _under("moments/", tensors).items():
            number, _, field = name.partition("/")
            state["state"].setdefault(int(number), {})[field] = value
        optimizer.load_state_dict(state)
        torch.set_rng_state(tensors["generator"])
        gpu_states = _under(CUDA, tensors)
        # saved without a GPU, or with another number of them: the states do not fit
        if gpu_states and len(gpu_states) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([gpu_states[str(gpu)] for gpu in range(len(gpu_states))])
        return progress, best


def trainable(network: nn.Module) -> dict[str, torch.Tensor]:
    """Trainable parameters by name; frozen ones come from the base checkpoint."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def copy_trainable(network: nn.Module) -> dict[str, torch.Tensor]:
    """Copy of the trainable parameters, in main memory."""
    return {name: value.detach().to("cpu", copy=True) for name, value in trainable(network).items()}


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
