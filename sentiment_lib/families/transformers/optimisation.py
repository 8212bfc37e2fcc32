"""One step after the other: batches by length, rates that rise and fall, the precision that the processor has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentiment_lib.families.transformers.checkpoint import learned
from sentiment_lib.families.transformers.hyperparameters import Recipe

Tokens = Sequence[Sequence[int]]
#: Batches whose rows are sorted by length together: little padding, and still a different order each epoch.
BUCKET = 40


def padded(tokens: Tokens, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (n, longest)."""
    longest = max(len(ids) for ids in tokens)
    ids = torch.full((len(tokens), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(tokens), longest), dtype=torch.long)
    for row, values in enumerate(tokens):
        ids[row, : len(values)] = torch.tensor(values)
        mask[row, : len(values)] = 1
    return ids, mask


def batches_of(tokens: Tokens, size: int, draw: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of one epoch: shuffled, sorted by length within buckets, and the batches shuffled again."""
    order = draw.permutation(len(tokens))
    found: list[NDArray[np.int64]] = []
    for start in range(0, len(order), size * BUCKET):
        bucket = np.array(sorted(order[start : start + size * BUCKET], key=lambda row: len(tokens[row])))
        found += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [found[place] for place in draw.permutation(len(found))]


def batches_from(tokens: Tokens, size: int, seed: int, step: int) -> Iterator[NDArray[np.int64]]:
    """Batches from that step on: each epoch's order depends on seed and epoch only, so a resumed one is the same."""
    epoch = 0
    while True:
        batches = batches_of(tokens, size, np.random.default_rng([seed, epoch]))
        yield from batches[step:]
        step = max(0, step - len(batches))
        epoch += 1


def step(network: nn.Module, optimizer: torch.optim.Optimizer, wrong: torch.Tensor, clip: float) -> None:
    """Make `wrong` smaller; the gradient is at most `clip` long."""
    optimizer.zero_grad(set_to_none=True)
    wrong.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimizer.step()


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW over what is learned; each group keeps its full rate as "base"."""
    groups: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, value in learned(network).items():
        rate = recipe.head_rate if name.startswith("head.") else recipe.rate
        # biases and layer norms are not pulled to zero
        groups.setdefault((rate, recipe.decay if value.ndim > 1 else 0.0), []).append(value)
    return torch.optim.AdamW(
        [{"params": found, "lr": rate, "base": rate, "weight_decay": decay} for (rate, decay), found in groups.items()],
        fused=True,
    )


def set_rate(optimizer: torch.optim.Optimizer, number: int, total: int, warm_up: float) -> None:
    """The rate of step `number` of `total`, for each group."""
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * rate_at(number, total, warm_up)


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def rate_at(number: int, total: int, warm_up: float) -> float:
    """Share of the full rate: a straight rise, then a straight fall to zero."""
    rise = max(1, int(total * warm_up))
    return (number + 1) / rise if number < rise else max(0.0, (total - number) / max(1, total - rise))


def precision(where: torch.device) -> Any:
    """bfloat16 where the processor or the GPU computes in it; where it must be emulated it is slower."""
    return torch.autocast(where.type, dtype=torch.bfloat16, enabled=computes_in_bf16(where))


def computes_in_bf16(where: torch.device) -> bool:
    """Whether bfloat16 is what this processor or GPU was made for."""
    # by default torch says yes for a GPU that emulates it
    return torch.cuda.is_bf16_supported(including_emulation=False) if where.type == "cuda" else _has_bf16()


@lru_cache(maxsize=1)
def _has_bf16() -> bool:
    capability = torch.backends.cpu.get_cpu_capability()
    if "AVX512" not in capability:
        return False
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            return any("avx512_bf16" in line for line in lines if line.startswith("flags"))
    except OSError:
        return False
