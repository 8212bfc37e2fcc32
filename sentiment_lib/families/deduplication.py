"""Retweets and slogans come again and again: each distinct text is scored once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from sentiment_lib.families.base import Probabilities

Predict = Callable[[Any, Sequence[str]], Probabilities]


def each_once(predict: Predict) -> Predict:
    """`predict_proba` that is asked for each distinct text once, and gives every text its row."""

    @wraps(predict)
    def asked(self: Any, texts: Sequence[str]) -> Probabilities:
        once, rows = distinct(texts)
        return predict(self, texts) if len(once) == len(rows) else predict(self, once)[rows]

    return asked


def distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The distinct texts in the order in which they come, and for every text the place of its own among them."""
    place: dict[str, int] = {}
    rows = [place.setdefault(text, len(place)) for text in texts]
    return list(place), rows
