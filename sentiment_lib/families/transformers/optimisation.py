"""Optimiser, learning-rate schedule and mixed precision of a fine-tuning."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sentiment_lib.families.transformers.checkpoint import trainable
from sentiment_lib.families.transformers.hyperparameters import Hyperparameters
from sentiment_lib.machine import has_bf16


def make_optimizer(network: nn.Module, hyperparameters: Hyperparameters) -> torch.optim.Optimizer:
    """AdamW over the trainable parameters; each group keeps its peak learning rate as "base"."""
    groups: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, value in trainable(network).items():
        rate = hyperparameters.head_rate if name.startswith("head.") else hyperparameters.rate
        # no weight decay for biases and layer norms
        groups.setdefault((rate, hyperparameters.decay if value.ndim > 1 else 0.0), []).append(value)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, "base": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        fused=True,
    )


def take_step(network: nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor, clip: float) -> None:
    """One optimiser step on `loss`; the gradient's norm is clipped to `clip`."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimizer.step()


def set_rate(optimizer: torch.optim.Optimizer, step: int, total: int, warm_up: float) -> None:
    """Set each group's learning rate for `step` of `total`."""
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * rate_factor(step, total, warm_up)


def rate_factor(step: int, total: int, warm_up: float) -> float:
    """Share of the peak learning rate at `step`: linear warm-up, then linear decay to zero."""
    rise = max(1, int(total * warm_up))
    return (step + 1) / rise if step < rise else max(0.0, (total - step) / max(1, total - rise))


def select_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device) -> Any:
    """Context manager: bfloat16 where the device computes in it natively; emulated bfloat16 would be slower."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=computes_in_bf16(device))


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 natively."""
    # by default torch says yes for a GPU that emulates it
    return torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda" else has_bf16()
