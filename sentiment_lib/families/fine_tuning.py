"""Fine-tuning a network on a processor or a GPU: batches by length, warm-up, early stop on later rows, resumable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentiment_lib.families.calibration import softmax
from sentiment_lib.families.checkpoint import Checkpoint, learned
from sentiment_lib.families.objective import blanked, label_weights, loss
from sentiment_lib.families.recipe import Recipe
from sentiment_lib.records import LABELS

Tokens = Sequence[Sequence[int]]
#: Batches whose rows are sorted by length together: little padding, and still a different order each epoch.
BUCKET = 40


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Token ids and labels (n,)."""

    tokens: Tokens
    labels: NDArray[np.int64]


def fine_tune(
    network: nn.Module,
    rows: Rows,
    later: Rows,
    recipe: Recipe,
    *,
    pad: int,
    blank: int,
    seed: int,
    checkpoint: Checkpoint,
    report: Callable[[float, str], None],
) -> dict[str, Any]:
    """Train in place; the weights of the best look at the later rows are kept. Returns notes.

    `pad` and `blank` are the ids of the tokens that fill a batch up and that stand for a word left out.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device)
    optimizer = _optimizer(network, recipe)
    steps_an_epoch = math.ceil(len(rows.tokens) / recipe.batch)
    total = recipe.max_steps or recipe.epochs * steps_an_epoch
    look_every = max(1, steps_an_epoch // recipe.looks)
    state: dict[str, Any] = {"step": 0, "best_loss": math.inf, "best_step": 0, "stale": 0, "resumed": 0}
    best: dict[str, torch.Tensor] = {}
    torch.manual_seed(seed)
    found = checkpoint.resume(network, optimizer)
    if found is not None:
        state, best = found
        state["resumed"] += 1
    shares = np.bincount(rows.labels, minlength=len(LABELS)) / len(rows.labels)
    weights = label_weights(rows.labels, recipe.balance).to(device)
    batches = _from(rows, recipe, seed, state["step"])
    while state["step"] < total and state["stale"] < recipe.patience:
        report(state["step"] / total, f"step {state['step']} of {total}")
        step = state["step"]
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * _schedule(step, total, recipe.warm_up)
        chosen = next(batches)
        ids, mask = padded([rows.tokens[row] for row in chosen], pad)
        ids = blanked(ids, mask, recipe.words_left_out, blank)
        target = torch.from_numpy(rows.labels[chosen])
        network.train()
        with _precision(device):
            wrong = loss(network, ids.to(device), mask.to(device), target.to(device), weights, recipe)
        _step(network, optimizer, wrong, recipe)
        state["step"] = step + 1
        last = state["step"] == total
        if later.tokens and (last or (state["step"] >= steps_an_epoch and state["step"] % look_every == 0)):
            error = log_loss(logits(network, later.tokens, pad), later.labels, shares)
            better = error < state["best_loss"]
            state |= {"stale": 0 if better else state["stale"] + 1}
            if better:
                state |= {"best_loss": error, "best_step": state["step"]}
                best = {name: value.detach().cpu().clone() for name, value in learned(network).items()}
        if state["step"] % recipe.interval == 0 and not last:
            checkpoint.save(network, optimizer, best, state)
    network.load_state_dict(best, strict=False)
    network.to("cpu").eval()
    return {"steps": state["step"], "best_step": state["best_step"], "resumed": state["resumed"]}


def logits(network: nn.Module, tokens: Tokens, pad: int, batch: int = 64) -> NDArray[np.float64]:
    """Logits (n, 3), in evaluation mode; training mode is put back."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    found = np.zeros((len(tokens), len(LABELS)))
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    with torch.inference_mode(), _precision(device):
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            ids, mask = padded([tokens[row] for row in chosen], pad)
            found[chosen] = network(ids.to(device), mask.to(device)).float().cpu().numpy()
    network.train(was_training)
    return found


def log_loss(scores: NDArray[np.float64], labels: NDArray[np.int64], shares: NDArray[np.float64]) -> float:
    """Log loss with labels weighted to the given shares: one stormy day must not decide when to stop."""
    here = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    weights = (shares / np.maximum(here, 1e-9))[labels]
    chosen = softmax(scores)[np.arange(len(labels)), labels]
    return float(np.average(-np.log(np.maximum(chosen, 1e-9)), weights=weights))


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


def _from(rows: Rows, recipe: Recipe, seed: int, step: int) -> Iterator[NDArray[np.int64]]:
    """Batches from that step on: each epoch's order depends on seed and epoch only, so a resumed one is the same."""
    epoch = 0
    while True:
        batches = batches_of(rows.tokens, recipe.batch, np.random.default_rng([seed, epoch]))
        yield from batches[step:]
        step = max(0, step - len(batches))
        epoch += 1


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, wrong: torch.Tensor, recipe: Recipe) -> None:
    optimizer.zero_grad(set_to_none=True)
    wrong.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
    optimizer.step()


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    groups: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, value in learned(network).items():
        rate = recipe.head_rate if name.startswith("head.") else recipe.rate
        # biases and layer norms are not pulled to zero
        groups.setdefault((rate, recipe.decay if value.ndim > 1 else 0.0), []).append(value)
    return torch.optim.AdamW(
        [{"params": found, "lr": rate, "base": rate, "weight_decay": decay} for (rate, decay), found in groups.items()],
        fused=True,
    )


def _schedule(step: int, total: int, warm_up: float) -> float:
    """Share of the full rate: a straight rise, then a straight fall to zero."""
    rise = max(1, int(total * warm_up))
    return (step + 1) / rise if step < rise else max(0.0, (total - step) / max(1, total - rise))


def _precision(device: torch.device) -> Any:
    """bfloat16 where the processor or the GPU computes in it; where it must be emulated it is slower."""
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _has_bf16()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=native)


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
