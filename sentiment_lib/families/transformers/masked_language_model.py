"""Continued pre-training on unlabelled tweets: masked language modelling.

Gururangan et al.: Don't Stop Pretraining, ACL 2020. The masking is that of Devlin et al.: BERT, NAACL 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from sentiment_lib.families.base import Tokens
from sentiment_lib.families.transformers import batching, optimisation
from sentiment_lib.families.transformers.checkpoint import Checkpoint, trainable
from sentiment_lib.families.transformers.hyperparameters import Hyperparameters
from sentiment_lib.families.transformers.loss import inner_tokens

#: Share of the tokens to predict; of these, the shares that are masked and that are replaced by a random token.
PREDICTED, MASKED, RANDOM = 0.15, 0.8, 0.1


class MaskedLanguageModel(nn.Module):
    """A body, and a head whose output weights are the body's token embeddings."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        width = body.config.hidden_size
        self.body = body
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(body.config.vocab_size))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Logits (k, vocabulary) of the k tokens at the boolean `positions` (n, t) of token ids (n, t)."""
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state[positions]
        return functional.linear(self.head(states), self.body.get_input_embeddings().weight, self.bias)


def pretrain(
    body: nn.Module,
    tokens: Tokens,
    hyperparameters: Hyperparameters,
    *,
    pad_token: int,
    mask_token: int,
    seed: int,
    checkpoint: Checkpoint,
    report: Callable[[float, str], None],
) -> dict[str, Any]:
    """Train `body` in place for `pretrain_epochs` over `tokens`; returns notes.

    The checkpoint of a finished pre-training holds its weights: a second call loads them.
    """
    device = optimisation.select_device()
    torch.manual_seed(seed)
    model = MaskedLanguageModel(body).to(device)
    optimizer = optimisation.make_optimizer(model, hyperparameters)
    total = hyperparameters.pretrain_epochs * math.ceil(len(tokens) / hyperparameters.batch)
    state: dict[str, Any] = {"step": 0, "loss": 0.0}
    resumed = checkpoint.resume(model, optimizer)
    if resumed is not None:
        state, _ = resumed
    batches = batching.batches_from(tokens, hyperparameters.batch, seed, state["step"])
    model.train()
    while state["step"] < total:
        report(state["step"] / total, f"pre-training, step {state['step']} of {total}")
        optimisation.set_rate(optimizer, state["step"], total, hyperparameters.warm_up)
        ids, mask = batching.pad([tokens[row] for row in next(batches)], pad_token)
        inputs, positions = _mask_tokens(ids, mask, mask_token, body.config.vocab_size)  # type: ignore[union-attr, arg-type]
        if positions.any():
            with optimisation.autocast(device):
                scores = model(inputs.to(device), mask.to(device), positions.to(device))
            loss = functional.cross_entropy(scores.float(), ids[positions].to(device))
            optimisation.take_step(model, optimizer, loss, hyperparameters.clip)
            # running mean over about the last hundred steps
            state["loss"] += (loss.item() - state["loss"]) * max(0.01, 1 / (state["step"] + 1))
        state["step"] += 1
        if state["step"] % hyperparameters.checkpoint_every == 0 and state["step"] < total:
            checkpoint.save(model, optimizer, {}, state)
    checkpoint.finish({name: value.detach() for name, value in trainable(model).items()}, state)
    body.to("cpu")
    return {"pretrained_on": len(tokens), "pretrain_loss": round(state["loss"], 3)}


def _mask_tokens(
    ids: torch.Tensor, mask: torch.Tensor, mask_token: int, vocabulary: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Input ids (n, t) and the positions (n, t) to predict; a row's first and last token are never predicted."""
    positions = (torch.rand(ids.shape) < PREDICTED) & inner_tokens(mask)
    draw = torch.rand(ids.shape)
    inputs = ids.masked_fill(positions & (draw < MASKED), mask_token)
    random = positions & (draw >= MASKED) & (draw < MASKED + RANDOM)
    return torch.where(random, torch.randint(vocabulary, ids.shape), inputs), positions
