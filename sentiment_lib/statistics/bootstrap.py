"""Percentile bootstrap intervals of metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.statistics.metrics import (
    COUNT_METRICS,
    Ints,
    compute_metric,
    confusion_matrix,
    expected_calibration_error,
    validate_predictions,
)

#: Coverage: probability that an interval contains the true value.
COVERAGE = 0.95


@dataclass(frozen=True, kw_only=True)
class MetricEstimate:
    """A metric with its 95 % interval and the number of rows behind it."""

    value: float
    low: float
    high: float
    rows: int


def bootstrap_estimate(statistic: Callable[[Ints], float], rows: int, *, rounds: int, seed: int) -> MetricEstimate:
    """A statistic of row indices (n,) with its 95 % percentile interval: Efron 1979, Annals of Statistics 7 (1)."""
    random = np.random.default_rng(seed)
    resampled = [statistic(random.integers(0, rows, rows)) for _ in range(rounds)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return MetricEstimate(value=statistic(np.arange(rows)), low=float(low), high=float(high), rows=rows)


def metrics_with_intervals(
    labels: ArrayLike, proba: ArrayLike, *, rounds: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """(value, low, high) of every count metric and of the calibration error; labels (n,), proba (n, 3).

    Percentile bootstrap over rows: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    Resampling biases the calibration error upwards, so its interval is shifted by the estimated bias (chapter 10).
    Raises BadInput for malformed arrays.
    """
    y, p = validate_predictions(labels, proba)
    random = np.random.default_rng(seed)
    confusion = confusion_matrix(y, p.argmax(axis=1))
    # rows of one cell of the confusion matrix are interchangeable for every count metric
    resampled = random.multinomial(y.size, confusion.ravel() / y.size, size=rounds).reshape(rounds, *confusion.shape)
    tail = 50 * (1 - COVERAGE)
    intervals = {}
    for name in COUNT_METRICS:
        low, high = np.percentile(compute_metric(resampled, name), [tail, 100 - tail])
        intervals[name] = (float(compute_metric(confusion, name)), float(low), float(high))
    error = expected_calibration_error(y, p)
    errors = np.empty(rounds)
    for index in range(rounds):
        rows = random.integers(0, y.size, y.size)
        errors[index] = expected_calibration_error(y[rows], p[rows])
    low, high = np.percentile(errors - (errors.mean() - error), [tail, 100 - tail])
    return {**intervals, "calibration_error": (error, max(0.0, float(low)), float(high))}
