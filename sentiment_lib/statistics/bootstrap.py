"""Quality figures of one model with bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from sentiment_lib.statistics.metrics import COUNT_METRICS, calibration_error, checked, confusion_matrix, metric

#: Share of intervals that hold the true figure.
COVERAGE = 0.95


def figures_with_intervals(
    labels: Any, proba: Any, *, rounds: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """(figure, low, high) of every count metric and of the calibration error; labels (n,), proba (n, 3).

    Percentile bootstrap over rows: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    The calibration error is bent upwards by resampling, so its interval is moved to lie about the figure
    (chapter 10, the bias-corrected bootstrap estimate).
    """
    y, p = checked(labels, proba)
    draw = np.random.default_rng(seed)
    counts = confusion_matrix(y, p.argmax(axis=1))
    # rows of one cell of the confusion matrix are alike for every count metric
    cubes = draw.multinomial(y.size, counts.ravel() / y.size, size=rounds).reshape(rounds, *counts.shape)
    tail = 50 * (1 - COVERAGE)
    found = {}
    for name in COUNT_METRICS:
        low, high = np.percentile(metric(cubes, name), [tail, 100 - tail])
        found[name] = (float(metric(counts, name)), float(low), float(high))
    error = calibration_error(y, p)
    drawn = np.empty(rounds)
    for turn in range(rounds):
        rows = draw.integers(0, y.size, y.size)
        drawn[turn] = calibration_error(y[rows], p[rows])
    low, high = np.percentile(drawn - (drawn.mean() - error), [tail, 100 - tail])
    return {**found, "calibration_error": (error, max(0.0, float(low)), float(high))}
