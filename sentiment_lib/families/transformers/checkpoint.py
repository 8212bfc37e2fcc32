"""A training's state on disk, so that a killed training goes on where it was. safetensors, replaced in one move.

Whoever gave the folder removes it, when what was trained is safe elsewhere: a kill after the last step costs no steps.
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
#: What the states of the GPUs' generators are kept under.
CUDA = "cuda/"


class Checkpoint:
    """One file in a folder; `key` stands for everything that went into the training, so that no other is resumed."""

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
        """Weights that are learned, the optimizer's moments, the generators' states, the best weights so far."""
        if self._path is None:
            return
        tensors = {f"weights/{name}": value.detach() for name, value in learned(network).items()}
        tensors |= {f"best/{name}": value for name, value in best.items()}
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"moments/{number}/{name}": value for name, value in state.items()}
        tensors["generator"] = torch.get_rng_state()
        if any(value.is_cuda for value in tensors.values()):
            # dropout on a GPU draws from that GPU's own generator
            tensors |= {f"{CUDA}{place}": state for place, state in enumerate(torch.cuda.get_rng_state_all())}
        self._write(tensors, progress)

    def finish(self, best: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
        """All that is needed after the last step: the weights that were chosen, without moments and the rest."""
        if self._path is not None:
            self._write({f"best/{name}": value for name, value in best.items()}, progress)

    def _write(self, tensors: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
        assert self._path is not None
        # neither call copies what lies on the processor in one piece, as everything here does without a GPU
        content = {name: value.cpu().contiguous() for name, value in tensors.items()}
        metadata = {"key": self._key, "progress": json.dumps(progress)}
        # a killed safetensors leaves temporary files beside the one that it writes: keep them in a folder of their own
        with replace_atomically(self._path, drafts=self._path.parent / DRAFTS) as draft:
            save_file(content, draft, metadata=metadata)

    def resume(
        self, network: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """Progress and best weights after putting everything back; None when there is nothing of this training.

        After `finish` the network has the weights that were chosen, and the optimizer is as it was.
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
            # cut off by a full disk or a power cut: start over rather than fail for ever
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
        drawn = _under(CUDA, tensors)
        # begun without a GPU, or with another number of them: there is no state that would fit
        if drawn and len(drawn) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([drawn[str(place)] for place in range(len(drawn))])
        return progress, best


def learned(network: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters that training changes; frozen ones come from the base checkpoint again."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def copied(network: nn.Module) -> dict[str, torch.Tensor]:
    """What is learned, as it is now, in the processor's memory."""
    return {name: value.detach().to("cpu", copy=True) for name, value in learned(network).items()}


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
