"""Influence of single rows on the difference of two models, by linearising the metric.

A metric such as F1 is not a mean over rows. Its gradient at the champion's confusion matrix gives each (true label,
prediction) a value; the candidate's value minus the champion's is the row's gain, and the mean gain is the difference
of the metric to first order (Hampel 1974, "The Influence Curve and its Role in Robust Estimation", JASA 69). For F1 the
sign is exact: the candidate's F1 is above f exactly when its mean of 2 hits - f (predicted + true) is positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.metrics import CLASSES, COUNT_METRICS, Floats, Ints


def metric_gradient(confusion: ArrayLike, metric: str) -> Floats:
    """Gradient (3, 3) of the metric by true label and prediction, at the champion's confusion matrix (3, 3).

    Raises BadInput for a metric that is not in COUNT_METRICS.
    """
    counts = np.asarray(confusion, dtype=np.float64) + 1e-9
    counts = counts / counts.sum()
    hits, truth, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    identity: Floats = np.eye(CLASSES, dtype=np.float64)
    if metric == "accuracy":
        return identity
    if metric in ("macro_recall", "negative_recall"):
        per_class = identity / truth[:, None]
        return np.asarray(per_class / CLASSES if metric == "macro_recall" else per_class * identity[0])
    if metric in ("macro_f1", "negative_f1"):
        size = truth + predicted
        f1 = 2 * hits / size
        total = np.zeros((CLASSES, CLASSES))
        for c in range(CLASSES) if metric == "macro_f1" else (0,):
            of_class = np.zeros((CLASSES, CLASSES))
            of_class[c, c] = 2.0
            of_class[:, c] -= f1[c]
            total += of_class / size[c]
        return total / CLASSES if metric == "macro_f1" else total
    raise BadInput(what="metric", problem=f"'{metric}' is not one of {', '.join(COUNT_METRICS)}")


def gain_tensor(gradient: Floats) -> Floats:
    """Gain (3, 3, 3) by true label, champion's prediction and candidate's prediction."""
    return np.asarray(gradient[:, None, :] - gradient[:, :, None])


def row_gains(labels: Ints, champion: Ints, candidate: Ints, gradient: Floats) -> Floats:
    """Gain (n,) of each row, from classes (n,); zero where the two models agree."""
    return np.asarray(gradient[labels, candidate] - gradient[labels, champion])


def expected_gains(label_proba: Floats, champion: Ints, candidate: Ints, gradient: Floats) -> Floats:
    """Expected gain (n,) of unlabelled rows, from probabilities (n, 3) of the true label."""
    return np.asarray((label_proba * (gradient[:, candidate] - gradient[:, champion]).T).sum(axis=1))


def max_abs_gain(gradient: Floats) -> float:
    """The largest absolute gain of a row: the scale that brings gains into [-1, 1]."""
    return float(np.abs(gain_tensor(gradient)).max())
