"""Scoring each distinct text once: retweets and slogans repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from sentiment_lib.families.base import Probabilities

Predict = Callable[[Any, Sequence[str]], Probabilities]


def deduplicated(predict: Predict) -> Predict:
    """Decorator of `predict_proba`: each distinct text is predicted once, and every text gets its row."""

    @wraps(predict)
    def wrapper(self: Any, texts: Sequence[str]) -> Probabilities:
        unique, rows = distinct(texts)
        return predict(self, texts) if len(unique) == len(rows) else predict(self, unique)[rows]

    return wrapper


def distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The distinct texts in order of first occurrence, and for every text its index among them."""
    index: dict[str, int] = {}
    rows = [index.setdefault(text, len(index)) for text in texts]
    return list(index), rows
