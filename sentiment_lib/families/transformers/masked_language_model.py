"""Going on with the pre-training on tweets without labels: the body guesses words that were blanked.

Gururangan et al.: Don't Stop Pretraining, ACL 2020. Devlin et al.: BERT, NAACL 2019, for what is blanked and how.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from sentiment_lib.families.transformers import optimisation
from sentiment_lib.families.transformers.checkpoint import Checkpoint, learned
from sentiment_lib.families.transformers.hyperparameters import Recipe
from sentiment_lib.families.transformers.optimisation import (
    Tokens,
    batches_from,
    optimizer_of,
    padded,
    precision,
    set_rate,
    step,
)

#: Share of the words that are guessed; of these, shares that are blanked and that become another word.
GUESSED, BLANKED, SWAPPED = 0.15, 0.8, 0.1


class Guesser(nn.Module):
    """A body, and a head that compares what it made of a word with the word vectors."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        width = body.config.hidden_size
        self.body = body
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(body.config.vocab_size))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Logits (k, words) of the k words at `places` (n, t) of token ids (n, t)."""
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state[places]
        return functional.linear(self.head(states), self.body.get_input_embeddings().weight, self.bias)


def adapt(
    body: nn.Module,
    tokens: Tokens,
    recipe: Recipe,
    *,
    pad: int,
    blank: int,
    seed: int,
    checkpoint: Checkpoint,
    report: Callable[[float, str], None],
) -> dict[str, Any]:
    """Train `body` in place for `recipe.adapt` passes over `tokens`; returns notes.

    The checkpoint of a part that ended holds the weights: a second call takes them from there.
    """
    where = optimisation.device()
    torch.manual_seed(seed)
    guesser = Guesser(body).to(where)
    optimizer = optimizer_of(guesser, recipe)
    total = recipe.adapt * math.ceil(len(tokens) / recipe.batch)
    state: dict[str, Any] = {"step": 0, "loss": 0.0}
    found = checkpoint.resume(guesser, optimizer)
    if found is not None:
        state, _ = found
    batches = batches_from(tokens, recipe.batch, seed, state["step"])
    guesser.train()
    while state["step"] < total:
        report(state["step"] / total, f"adapting, step {state['step']} of {total}")
        set_rate(optimizer, state["step"], total, recipe.warm_up)
        ids, mask = padded([tokens[row] for row in next(batches)], pad)
        shown, places = _blanked(ids, mask, blank, body.config.vocab_size)  # type: ignore[union-attr, arg-type]
        if places.any():
            with precision(where):
                guessed = guesser(shown.to(where), mask.to(where), places.to(where))
            wrong = functional.cross_entropy(guessed.float(), ids[places].to(where))
            step(guesser, optimizer, wrong, recipe.clip)
            # over about the last hundred steps
            state["loss"] += (wrong.item() - state["loss"]) * max(0.01, 1 / (state["step"] + 1))
        state["step"] += 1
        if state["step"] % recipe.interval == 0 and state["step"] < total:
            checkpoint.save(guesser, optimizer, {}, state)
    checkpoint.finish({name: value.detach() for name, value in learned(guesser).items()}, state)
    body.to("cpu")
    return {"adapted_on": len(tokens), "guess_loss": round(state["loss"], 3)}


def _blanked(ids: torch.Tensor, mask: torch.Tensor, blank: int, words: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What the body is shown, and where it must guess; what a row begins and ends with is never guessed."""
    inner = mask.bool()
    inner[:, 0] = False
    inner[torch.arange(len(ids)), mask.sum(dim=1) - 1] = False
    places = (torch.rand(ids.shape) < GUESSED) & inner
    draw = torch.rand(ids.shape)
    shown = ids.masked_fill(places & (draw < BLANKED), blank)
    swapped = places & (draw >= BLANKED) & (draw < BLANKED + SWAPPED)
    return torch.where(swapped, torch.randint(words, ids.shape), shown), places
