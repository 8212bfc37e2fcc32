"""Why this answer: what each part of a text did for the label.

Models that are sums say it exactly (`contributions`). For the others one word after the other is left out, and the
loss of log-odds is its part (occlusion; Zeiler and Fergus, ECCV 2014).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Model

#: Words of a text that occlusion looks at; later ones have no part.
MOST_WORDS = 60
_WORD = re.compile(r"\S+")
_TINY = 1e-6


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of the text, and its weight: log-odds for (above zero) or against the predicted label."""

    start: int
    end: int
    weight: float


def explain(model: Model, text: str, proba: NDArray[np.float64]) -> tuple[Part, ...]:
    """Parts of `text` in its order, with their characters, for the label that `proba` (3,) favours."""
    best = int(np.argmax(proba))
    spans = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    if not spans:
        return ()
    words = [text[start:end] for start, end in spans]
    contributions: Any = getattr(model, "contributions", None)
    weights = contributions(words, best) if contributions is not None else None
    if weights is None:
        weights = _occluded(model, words[:MOST_WORDS], best, proba)
    return tuple(
        Part(start=start, end=end, weight=round(float(weight), 6))
        for (start, end), weight in zip(spans, weights, strict=False)
    )


def _occluded(model: Model, words: Sequence[str], best: int, proba: NDArray[np.float64]) -> NDArray[np.float64]:
    without = [" ".join((*words[:place], *words[place + 1 :])) or "." for place in range(len(words))]
    return _log_odds(proba[[best]]) - _log_odds(model.predict_proba(without)[:, best])


def _log_odds(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(chance, _TINY, 1 - _TINY)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
