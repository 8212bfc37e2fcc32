"""Distributions of both windows, for pictures: predicted classes, airlines, confidence and length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.records import LABELS

#: Upper bounds of the bins; lengths beyond the last one are in it.
CONFIDENCE_BINS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LENGTH_BINS = (20, 40, 60, 80, 100, 120, 140, 280)
#: Airlines with a row of their own; the rest are one.
AIRLINES = 8
OTHERS = "others"


def compare_distributions(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Shares of tweets by value: name -> rows of value, before (reference) and now (current), each adding up to one.

    Columns: text, and any of airline, predicted_label and the probabilities. Rows without a value are left out; a
    distribution without values in either window is.
    """
    probabilities = [f"p_{label}" for label in LABELS]
    found = {
        "labels": _shares(
            [str(label) for label in LABELS], *(_values(side, "predicted_label") for side in (reference, current))
        ),
        "airlines": _airlines(*(_values(side, "airline") for side in (reference, current))),
        "confidence": _binned(CONFIDENCE_BINS, *(_confidence(side, probabilities) for side in (reference, current))),
        "length": _binned(LENGTH_BINS, *(_lengths(side) for side in (reference, current))),
    }
    return {name: rows for name, rows in found.items() if rows}


def _values(side: pd.DataFrame, column: str) -> list[str]:
    return [str(value) for value in side[column].dropna()] if column in side else []


def _confidence(side: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    if not set(columns) <= set(side):
        return np.empty(0)
    return np.asarray(side[list(columns)].dropna().max(axis=1), dtype=np.float64)


def _lengths(side: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(side["text"].str.len(), dtype=np.float64)


def _shares(names: Sequence[str], before: Sequence[str], now: Sequence[str]) -> list[dict[str, Any]]:
    if not before or not now:
        return []
    return [
        {
            "value": name,
            "before": round(before.count(name) / len(before), 4),
            "now": round(now.count(name) / len(now), 4),
        }
        for name in names
    ]


def _airlines(before: Sequence[str], now: Sequence[str]) -> list[dict[str, Any]]:
    counts = pd.Series([*before, *now], dtype=object).value_counts()
    named = [str(name) for name in counts.index[:AIRLINES]]
    sides = [[name if name in named else OTHERS for name in side] for side in (before, now)]
    return _shares(named + ([OTHERS] if len(counts) > AIRLINES else []), *sides)


def _binned(bounds: Sequence[float], before: NDArray[np.float64], now: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Shares by bin, each named by its upper bound."""
    names = [f"{bound:g}" for bound in bounds]
    sides = [
        [names[index] for index in np.minimum(np.searchsorted(bounds, side), len(bounds) - 1)] for side in (before, now)
    ]
    return _shares(names, *sides)
