"""Classification metrics from confusion matrices. Classes are in the order of records.LABELS."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sentiment_lib.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLASSES = 3
CALIBRATION_BINS = 15
#: Metrics that depend on the confusion matrix alone; `paired_counts` compares two models by them.
COUNT_METRICS = ("accuracy", "macro_f1", "macro_recall", "negative_f1", "negative_recall")


def validate_predictions(labels: ArrayLike, proba: ArrayLike) -> tuple[Ints, Floats]:
    """True labels (n,) in 0..2 and finite probabilities (n, 3) summing to one. Raises BadInput for malformed arrays."""
    y = np.asarray(labels, dtype=np.int64)
    p = np.asarray(proba, dtype=np.float64)
    if y.ndim != 1 or y.size == 0:
        raise BadInput(what="labels", problem=f"one label a row is needed, got shape {y.shape}")
    if p.shape != (y.size, CLASSES):
        raise BadInput(what="probabilities", problem=f"shape {p.shape}, and ({y.size}, {CLASSES}) is needed")
    if y.min() < 0 or y.max() >= CLASSES:
        raise BadInput(what="labels", problem=f"values from {y.min()} to {y.max()}, and 0 to 2 are known")
    if not np.isfinite(p).all() or (p < 0).any() or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise BadInput(what="probabilities", problem="each row must be finite, not negative, and sum to one")
    return y, p


def confusion_matrix(labels: Ints, predicted: Ints) -> Ints:
    """Counts (3, 3) of classes (n,): rows are true labels, columns predictions."""
    return np.bincount(labels * CLASSES + predicted, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def weighted_confusion_matrix(labels: Ints, predicted: Ints, weights: Floats) -> Floats:
    """Sums of the weights (n,) by true label and prediction, (3, 3)."""
    cells = np.bincount(labels * CLASSES + predicted, weights=weights, minlength=CLASSES**2)
    return np.asarray(cells.reshape(CLASSES, CLASSES), dtype=np.float64)


def expected_confusion_matrix(label_proba: Floats, predicted: Ints) -> Floats:
    """Expected counts (3, 3) where only probabilities (n, 3) of the true label are known."""
    return np.asarray(label_proba.T @ np.eye(CLASSES)[predicted], dtype=np.float64)


def compute_metric(confusion: ArrayLike, name: str) -> Floats:
    """A metric of COUNT_METRICS for each confusion matrix in (..., 3, 3); a class without rows or predictions counts 0.

    Raises BadInput for any other name.
    """
    matrix = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    truth = matrix.sum(axis=-1)
    predicted = matrix.sum(axis=-2)
    if name == "accuracy":
        return np.asarray(hits.sum(axis=-1) / truth.sum(axis=-1))
    if name == "negative_recall":
        return _ratio(hits[..., 0], truth[..., 0])
    if name == "macro_recall":
        return _mean(_ratio(hits, truth))
    f1 = _ratio(2 * hits, truth + predicted)
    if name == "negative_f1":
        return np.asarray(f1[..., 0])
    if name == "macro_f1":
        return _mean(f1)
    raise BadInput(what="metric", problem=f"'{name}' is not one of {', '.join(COUNT_METRICS)}")


def macro_f1(labels: Ints, predicted: Ints) -> float:
    """Macro-F1 of predicted labels (n,) against true ones (n,)."""
    return float(compute_metric(confusion_matrix(labels, predicted), "macro_f1"))


def expected_calibration_error(labels: Ints, proba: Floats, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error (0 to 1) of the top class in equal-width bins; labels (n,), proba (n, 3).

    Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks", ICML.
    """
    confidence = proba.max(axis=1)
    right = (proba.argmax(axis=1) == labels).astype(np.float64)
    gap = np.bincount(_bins(confidence, bins), weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / labels.size)


def calibration_noise(proba: Floats, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error that perfectly calibrated probabilities (n, 3) show by chance at this sample size.

    The bias of binned estimates: Roelofs et al. 2022, "Mitigating Bias in Calibration Error Estimation", AISTATS.
    """
    confidence = proba.max(axis=1)
    variance = np.bincount(_bins(confidence, bins), weights=confidence * (1 - confidence), minlength=bins)
    return float(np.sqrt(2 / np.pi * variance).sum() / confidence.size)


def classification_metrics(labels: ArrayLike, proba: ArrayLike) -> dict[str, float]:
    """Every metric of COUNT_METRICS and `calibration_error`, each from 0 to 1. Raises BadInput for malformed arrays."""
    y, p = validate_predictions(labels, proba)
    confusion = confusion_matrix(y, p.argmax(axis=1))
    metrics = {name: float(compute_metric(confusion, name)) for name in COUNT_METRICS}
    return {**metrics, "calibration_error": expected_calibration_error(y, p)}


def _bins(confidence: Floats, bins: int) -> Ints:
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.zeros(np.shape(top)), where=np.asarray(bottom) > 0)


def _mean(per_class: Floats) -> Floats:
    # explicit sum: np.mean may add in a different order on another machine
    return np.asarray((per_class[..., 0] + per_class[..., 1] + per_class[..., 2]) / CLASSES)
