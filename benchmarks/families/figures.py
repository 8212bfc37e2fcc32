"""Quality with percentile bootstrap intervals.

Efron, Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13. Noise only increases a calibration error, so its
interval tends to lie above the estimate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.metrics import (
    calibration_noise,
    classification_metrics,
    compute_metric,
    confusion_matrix,
    expected_calibration_error,
)

SHOWN = ("accuracy", "macro_f1", "macro_recall", "negative_f1", "calibration_error")
ROUNDS = 1000


def with_intervals(labels: np.ndarray, proba: np.ndarray, *, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Each figure of SHOWN as [value, low, high] at 95 %, from 0 to 1; the same rows are drawn for every family."""
    found = classification_metrics(labels, proba)
    draw = np.random.default_rng(0)
    predicted = proba.argmax(axis=1)
    drawn: dict[str, list[float]] = {name: [] for name in SHOWN}
    for _ in range(rounds):
        rows = draw.integers(0, len(labels), len(labels))
        counts = confusion_matrix(labels[rows], predicted[rows])
        for name in SHOWN[:-1]:
            drawn[name].append(float(compute_metric(counts, name)))
        drawn["calibration_error"].append(expected_calibration_error(labels[rows], proba[rows]))
    intervals = {name: np.quantile(values, (0.025, 0.975)).tolist() for name, values in drawn.items()}
    return {name: [round(value, 5) for value in (found[name], *intervals[name])] for name in SHOWN}


def noise(proba: np.ndarray) -> float:
    """Calibration error that perfect probabilities would show on as many rows."""
    return round(calibration_noise(proba), 5)


def difference(labels: np.ndarray, without: Any, with_it: Any, name: str, *, rounds: int = ROUNDS) -> list[float]:
    """Second minus first as [value, low, high] at 95 %, both predictions (n,) of the same rows drawn together."""
    counts = paired_counts.count_pairs(labels, np.asarray(without), np.asarray(with_it))
    drawn = paired_counts.difference(paired_counts.bootstrap_counts(counts, rounds, np.random.default_rng(0)), name)
    ends = np.quantile(drawn, (0.025, 0.975))
    return [round(float(value), 5) for value in (paired_counts.difference(counts, name), *ends)]
