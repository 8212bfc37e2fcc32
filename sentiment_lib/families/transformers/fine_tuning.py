"""The fine-tuning loop: batches by length, early stopping on held-out rows, resumable from a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sentiment_lib.families.base import Tokens
from sentiment_lib.families.calibration import apply_temperature, fit_temperature, prior_weights, softmax
from sentiment_lib.families.transformers import batching, optimisation
from sentiment_lib.families.transformers.checkpoint import Checkpoint, copy_trainable
from sentiment_lib.families.transformers.hyperparameters import Hyperparameters
from sentiment_lib.families.transformers.loss import class_weights, compute_loss, drop_tokens
from sentiment_lib.records import LABELS


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Token ids and labels (n,); `soft_targets` (n, 3), where given, are learned in place of the labels."""

    tokens: Tokens
    labels: NDArray[np.int64]
    soft_targets: NDArray[np.float32] | None = None

    def targets(self, batch: NDArray[np.int64]) -> torch.Tensor:
        """Targets of these rows: (k,) or (k, 3)."""
        return torch.from_numpy((self.labels if self.soft_targets is None else self.soft_targets)[batch])


def fine_tune(
    network: nn.Module,
    rows: Rows,
    held_out: Rows,
    hyperparameters: Hyperparameters,
    *,
    pad_token: int,
    mask_token: int,
    seed: int,
    checkpoint: Checkpoint,
    report: Callable[[float, str], None],
) -> dict[str, Any]:
    """Train in place, keep the weights of the last evaluation that is not clearly worse than the best; returns notes.

    The learning rate has decayed to zero by the last evaluation, so its weights are the steadiest; an earlier one must
    be better by more than one standard error. Training stops after `patience` evaluations without improvement. The
    checkpoint of a finished training holds the selected weights: a second call loads them.
    """
    device = optimisation.select_device()
    network.to(device)
    optimizer = optimisation.make_optimizer(network, hyperparameters)
    steps_per_epoch = math.ceil(len(rows.tokens) / hyperparameters.batch)
    total = hyperparameters.max_steps or hyperparameters.epochs * steps_per_epoch
    evaluate_every = max(1, steps_per_epoch // hyperparameters.evaluations_per_epoch)
    state: dict[str, Any] = {"step": 0, "best_losses": [], "best_step": 0, "stale": 0, "resumed": 0}
    best: dict[str, torch.Tensor] = {}
    torch.manual_seed(seed)
    resumed = checkpoint.resume(network, optimizer)
    if resumed is not None:
        state, best = resumed
        state["resumed"] += 1
    weights = class_weights(rows.labels, hyperparameters.balance)
    # weighted to the priors of the training rows, so that one unusual day does not decide when to stop
    row_weights = prior_weights(rows.labels, held_out.labels) * weights.numpy()[held_out.labels]
    weights = weights.to(device)
    batches = batching.batches_from(rows.tokens, hyperparameters.batch, seed, state["step"])
    while state["step"] < total and state["stale"] < hyperparameters.patience:
        report(state["step"] / total, f"step {state['step']} of {total}")
        optimisation.set_rate(optimizer, state["step"], total, hyperparameters.warm_up)
        batch = next(batches)
        ids, mask = batching.pad([rows.tokens[row] for row in batch], pad_token)
        ids = drop_tokens(ids, mask, hyperparameters.token_dropout, mask_token)
        target = rows.targets(batch)
        network.train()
        with optimisation.autocast(device):
            loss = compute_loss(network, ids.to(device), mask.to(device), target.to(device), weights, hyperparameters)
        optimisation.take_step(network, optimizer, loss, hyperparameters.clip)
        state["step"] += 1
        last = state["step"] == total
        if held_out.tokens and (last or (state["step"] >= steps_per_epoch and state["step"] % evaluate_every == 0)):
            losses = log_losses(logits(network, held_out.tokens, pad_token), held_out.labels, row_weights)
            difference = losses - np.array(state["best_losses"] or losses)
            improved = not state["best_losses"] or difference.mean() < 0
            state["stale"] = 0 if improved else state["stale"] + 1
            if difference.mean() <= difference.std() / math.sqrt(len(difference)):
                state["best_step"] = state["step"]
                best = copy_trainable(network)
            if improved:
                state["best_losses"] = losses.tolist()
        if state["step"] % hyperparameters.checkpoint_every == 0 and not last:
            checkpoint.save(network, optimizer, best, state)
    # free memory for the export
    optimizer.zero_grad(set_to_none=True)
    best = best or copy_trainable(network)
    checkpoint.finish(best, state)
    network.load_state_dict(best, strict=False)
    network.to("cpu").eval()
    return {"steps": state["step"], "best_step": state["best_step"], "resumed": state["resumed"]}


def logits(network: nn.Module, tokens: Tokens, pad_token: int, batch_size: int = 64) -> NDArray[np.float64]:
    """Logits (n, 3) in evaluation mode; the network's mode is restored."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    scores = np.zeros((len(tokens), len(LABELS)))
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    with torch.inference_mode(), optimisation.autocast(device):
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            ids, mask = batching.pad([tokens[row] for row in batch], pad_token)
            scores[batch] = network(ids.to(device), mask.to(device)).float().cpu().numpy()
    network.train(was_training)
    return scores


def log_losses(
    scores: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted log loss (n,) of logits (n, 3) at their best temperature, since calibration corrects overconfidence.

    `weights` (n,) are scaled to a mean of one.
    """
    proba = softmax(scores)
    proba = apply_temperature(proba, fit_temperature(proba, labels, weights))
    losses = -np.log(np.maximum(proba[np.arange(len(labels)), labels], 1e-9))
    return np.asarray(losses * weights / weights.mean())
