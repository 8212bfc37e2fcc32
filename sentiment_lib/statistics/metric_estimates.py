"""Metrics of equally weighted rows with their 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.statistics.metrics import CLASSES, COUNT_METRICS, classification_metrics, validate_predictions
from sentiment_lib.statistics.ratio_intervals import bound_metric, label_cells

#: Fewer labelled rows than this of a true class give no bounds: there are too few to say.
MIN_CLASS_ROWS = 5
#: A metric's value and bounds; None where no interval is claimed.
Interval = tuple[float, float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class MetricEstimate:
    """A metric with its bounds and the number of rows behind it."""

    value: float
    low: float
    high: float
    rows: int


def metrics_with_intervals(labels: ArrayLike, proba: ArrayLike) -> dict[str, Interval]:
    """(value, low, high) of every count metric and of the calibration error; labels (n,), proba (n, 3).

    The bounds are those of 95 % intervals (`ratio_intervals.bound_metric`). They are None for metrics of classes of
    which one has fewer than MIN_CLASS_ROWS rows, and for the calibration error, whose binned estimate is biased.
    Raises BadInput for malformed arrays.
    """
    y, p = validate_predictions(labels, proba)
    cells, weights = label_cells(y, p.argmax(axis=1)), np.ones(y.size)
    rows = np.bincount(y, minlength=CLASSES)
    estimates: dict[str, Interval] = {}
    for name, value in classification_metrics(y, p).items():
        scarce = y.size if name == "accuracy" else rows[0] if name.startswith("negative") else rows.min()
        if name not in COUNT_METRICS or scarce < MIN_CLASS_ROWS:
            estimates[name] = (value, None, None)
        else:
            bounds = bound_metric(cells, weights, name)
            estimates[name] = (value, bounds.low, bounds.high)
    return estimates
