"""A training's state on disk, so that a killed training goes on where it was. safetensors, replaced in one move."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

FILE = "training.safetensors"
DRAFTS = "drafts"


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
        """Weights that are learned, the optimizer's moments, the generator's state, the best weights so far."""
        if self._path is None:
            return
        tensors = {f"weights/{name}": value.detach() for name, value in learned(network).items()}
        tensors |= {f"best/{name}": value for name, value in best.items()}
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"moments/{number}/{name}": value for name, value in state.items()}
        tensors["generator"] = torch.get_rng_state()
        # in a folder of its own: safetensors writes under names that it draws, and a kill leaves them there
        drafts = self._path.parent / DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        fresh = drafts / str(os.getpid())
        content = {name: value.contiguous().clone() for name, value in tensors.items()}
        save_file(content, fresh, metadata={"key": self._key, "progress": json.dumps(progress)})
        fresh.replace(self._path)

    def resume(
        self, network: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """Progress and best weights after putting everything back; None when there is nothing of this training."""
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
        network.load_state_dict(_under("weights/", tensors), strict=False)
        state = optimizer.state_dict()
        state["state"] = {}
        for name, value in _under("moments/", tensors).items():
            number, _, field = name.partition("/")
            state["state"].setdefault(int(number), {})[field] = value
        optimizer.load_state_dict(state)
        torch.set_rng_state(tensors["generator"])
        return json.loads(metadata["progress"]), _under("best/", tensors)

    def remove(self) -> None:
        """The training ended: nothing is left to go on from, nor what a kill left of a checkpoint half written."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            shutil.rmtree(self._path.parent / DRAFTS, ignore_errors=True)


def learned(network: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters that training changes; frozen ones come from the base checkpoint again."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
