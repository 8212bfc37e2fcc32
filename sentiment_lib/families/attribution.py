"""Word attributions: how much each word of a text contributes to the predicted label.

Models that are sums state it exactly (`contributions`). For the others it is the loss of log-odds when the word is left
out (occlusion; Zeiler and Fergus, ECCV 2014).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Model

#: Words of a text that occlusion tries; later ones have no attribution.
MAX_WORDS = 60
_WORD = re.compile(r"\S+")
_TINY = 1e-6


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """A span of the text and its weight: log-odds for (positive) or against (negative) the predicted label."""

    start: int
    end: int
    weight: float


def attribute(model: Model, text: str, proba: NDArray[np.float64]) -> tuple[Attribution, ...]:
    """Attributions of the words of `text`, in its order, for the most probable label of `proba` (3,)."""
    label = int(np.argmax(proba))
    spans = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    if not spans:
        return ()
    words = [text[start:end] for start, end in spans]
    contributions: Any = getattr(model, "contributions", None)
    weights = contributions(words, label) if contributions is not None else None
    if weights is None:
        weights = _occlude(model, words[:MAX_WORDS], label, proba)
    return tuple(
        Attribution(start=start, end=end, weight=round(float(weight), 6))
        for (start, end), weight in zip(spans, weights, strict=False)
    )


def _occlude(model: Model, words: Sequence[str], label: int, proba: NDArray[np.float64]) -> NDArray[np.float64]:
    without = [" ".join((*words[:index], *words[index + 1 :])) or "." for index in range(len(words))]
    return _log_odds(proba[[label]]) - _log_odds(model.predict_proba(without)[:, label])


def _log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(probability, _TINY, 1 - _TINY)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
