"""Fine-tuning a network on a processor or a GPU: batches by length, warm-up, early stop on later rows, resumable."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentiment_lib.families.calibration import apply_temperature, fit_temperature, shares_as_in, softmax
from sentiment_lib.families.transformers import optimisation
from sentiment_lib.families.transformers.checkpoint import Checkpoint, copied
from sentiment_lib.families.transformers.hyperparameters import Recipe
from sentiment_lib.families.transformers.loss import blanked, label_weights, loss
from sentiment_lib.families.transformers.optimisation import (
    Tokens,
    batches_from,
    optimizer_of,
    padded,
    precision,
    set_rate,
    step,
)
from sentiment_lib.records import LABELS


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Token ids, labels (n,), and what to learn: the labels, or shares (n, 3) that take their place."""

    tokens: Tokens
    labels: NDArray[np.int64]
    shares: NDArray[np.float32] | None = None

    def targets(self, chosen: NDArray[np.int64]) -> torch.Tensor:
        """What to learn of these rows: (k,) or (k, 3)."""
        return torch.from_numpy((self.labels if self.shares is None else self.shares)[chosen])


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
    """Train in place; the weights of the last look that is not clearly worse than the best are kept. Returns notes.

    The rate has fallen to nothing by the last look, so its weights are the steadiest; an earlier one must be better by
    more than luck. Training stops when several looks in a row gained nothing. The checkpoint of a training that ended
    holds those weights: a second call takes them from there.

    `pad` and `blank` are the ids of the tokens that fill a batch up and that stand for a word left out.
    """
    device = optimisation.device()
    network.to(device)
    optimizer = optimizer_of(network, recipe)
    steps_an_epoch = math.ceil(len(rows.tokens) / recipe.batch)
    total = recipe.max_steps or recipe.epochs * steps_an_epoch
    look_every = max(1, steps_an_epoch // recipe.looks)
    state: dict[str, Any] = {"step": 0, "lowest": [], "best_step": 0, "stale": 0, "resumed": 0}
    best: dict[str, torch.Tensor] = {}
    torch.manual_seed(seed)
    found = checkpoint.resume(network, optimizer)
    if found is not None:
        state, best = found
        state["resumed"] += 1
    weights = label_weights(rows.labels, recipe.balance)
    # one stormy day must not decide when to stop; and labels count as in training
    later_weights = shares_as_in(rows.labels, later.labels) * weights.numpy()[later.labels]
    weights = weights.to(device)
    batches = batches_from(rows.tokens, recipe.batch, seed, state["step"])
    while state["step"] < total and state["stale"] < recipe.patience:
        report(state["step"] / total, f"step {state['step']} of {total}")
        set_rate(optimizer, state["step"], total, recipe.warm_up)
        chosen = next(batches)
        ids, mask = padded([rows.tokens[row] for row in chosen], pad)
        ids = blanked(ids, mask, recipe.words_left_out, blank)
        target = rows.targets(chosen)
        network.train()
        with precision(device):
            wrong = loss(network, ids.to(device), mask.to(device), target.to(device), weights, recipe)
        step(network, optimizer, wrong, recipe.clip)
        state["step"] += 1
        last = state["step"] == total
        if later.tokens and (last or (state["step"] >= steps_an_epoch and state["step"] % look_every == 0)):
            losses = log_losses(logits(network, later.tokens, pad), later.labels, later_weights)
            apart = losses - np.array(state["lowest"] or losses)
            lower = not state["lowest"] or apart.mean() < 0
            state["stale"] = 0 if lower else state["stale"] + 1
            if apart.mean() <= apart.std() / math.sqrt(len(apart)):
                state["best_step"] = state["step"]
                best = copied(network)
            if lower:
                state["lowest"] = losses.tolist()
        if state["step"] % recipe.interval == 0 and not last:
            checkpoint.save(network, optimizer, best, state)
    # what follows needs the memory
    optimizer.zero_grad(set_to_none=True)
    best = best or copied(network)
    checkpoint.finish(best, state)
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
    with torch.inference_mode(), precision(device):
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            ids, mask = padded([tokens[row] for row in chosen], pad)
            found[chosen] = network(ids.to(device), mask.to(device)).float().cpu().numpy()
    network.train(was_training)
    return found


def log_losses(
    scores: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log loss (n,) of logits (n, 3) at their best temperature: how sure a network is, calibration mends later.

    Each is multiplied by its row's weight (n,), taken to be one on average.
    """
    proba = softmax(scores)
    proba = apply_temperature(proba, fit_temperature(proba, labels, weights))
    found = -np.log(np.maximum(proba[np.arange(len(labels)), labels], 1e-9))
    return np.asarray(found * weights / weights.mean())
