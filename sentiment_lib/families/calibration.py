"""Probabilities that mean what they say: one temperature, or a monotone curve for each label.

Temperature: Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
Isotonic: Zadrozny, Elkan: Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Probabilities
from sentiment_lib.records import LABELS

#: Probabilities are kept off zero and one, so that their logarithms stay finite.
TINY = 1e-9
#: A few rows that are all right would ask for a temperature near zero: certainty about everything.
BOUNDS = (0.5, 20.0)
#: Equal-width bins of the calibration error, as in evaluation/metrics.py.
BINS = 15
#: Knots of an isotonic curve; more would follow single tweets. Evenly spaced in log-odds up to this far from zero,
#: since a model that is too sure has most of its probabilities close to zero and one.
KNOTS, FARTHEST = 21, 6.0
KINDS = ("temperature", "isotonic")
Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A temperature, or in its place a curve (KNOTS,) for each label."""

    temperature: float = 1.0
    curves: NDArray[np.float64] | None = None

    def apply(self, proba: Probabilities) -> Probabilities:
        """Calibrated probabilities (n, 3) of raw ones (n, 3)."""
        if self.curves is not None:
            return apply_isotonic(proba, self.curves)
        return apply_temperature(proba, self.temperature)


def fit(kind: str, proba: Probabilities, labels: NDArray[np.int64], weights: Weights | None = None) -> Calibration:
    """Calibration of one of KINDS, from probabilities (n, 3) and labels (n,)."""
    if kind == "isotonic":
        return Calibration(curves=fit_isotonic(proba, labels, weights))
    return Calibration(fit_temperature(proba, labels, weights))


def shares_as_in(all_labels: NDArray[np.int64], later: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights (n,) that give the later labels the shares of all labels.

    The latest day can be a storm with far more negative tweets than usual; without weights it would decide how sure
    the model may be on an ordinary day.
    """
    every = np.bincount(all_labels, minlength=len(LABELS)) / max(len(all_labels), 1)
    here = np.bincount(later, minlength=len(LABELS)) / max(len(later), 1)
    return np.asarray((every / np.maximum(here, TINY))[later])


def fit_temperature(proba: Probabilities, labels: NDArray[np.int64], weights: Weights | None = None) -> float:
    """Temperature in BOUNDS that minimises the log loss of probabilities (n, 3) on labels (n,); 1 for no rows."""
    from scipy.optimize import minimize_scalar

    if len(labels) == 0:
        return 1.0
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = apply_temperature(proba, float(np.exp(log_temperature)))
        return float(np.average(-np.log(np.clip(scaled[rows, labels], TINY, 1)), weights=weights))

    found = minimize_scalar(loss, bounds=(np.log(BOUNDS[0]), np.log(BOUNDS[1])), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(proba: Probabilities, temperature: float) -> Probabilities:
    """Probabilities (n, 3) softened (temperature above 1) or sharpened (below 1)."""
    if temperature == 1.0:
        return proba
    return softmax(np.log(np.clip(proba, TINY, 1)) / temperature)


def softmax(logits: NDArray[np.float64]) -> Probabilities:
    """Probabilities (n, 3) of logits (n, 3), in double precision and without overflow."""
    exponent = np.exp(np.asarray(logits, dtype=np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(exponent / exponent.sum(axis=1, keepdims=True))


def fit_isotonic(
    proba: Probabilities, labels: NDArray[np.int64], weights: Weights | None = None
) -> NDArray[np.float64]:
    """Curves (3, KNOTS): for each label, its calibrated probability at KNOTS raw ones."""
    from sklearn.isotonic import IsotonicRegression

    knots = _knots(KNOTS)
    curves = [
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        .fit(column, labels == place, sample_weight=weights)
        .predict(knots)
        for place, column in enumerate(proba.T)
    ]
    # a little of the straight line keeps every curve rising, so that no two scores become one
    return np.asarray(0.98 * np.vstack(curves) + 0.02 * knots)


def apply_isotonic(proba: Probabilities, curves: NDArray[np.float64]) -> Probabilities:
    """Probabilities (n, 3) through the curves (3, KNOTS), rows summing to one again."""
    knots = _knots(curves.shape[1])
    bent = np.column_stack([np.interp(column, knots, curve) for column, curve in zip(proba.T, curves, strict=True)])
    bent = np.clip(bent, TINY, 1)
    return np.asarray(bent / bent.sum(axis=1, keepdims=True))


def _knots(count: int) -> NDArray[np.float64]:
    inner = 1 / (1 + np.exp(-np.linspace(-FARTHEST, FARTHEST, count - 2)))
    return np.concatenate([[0.0], inner, [1.0]])


def expected_error(proba: Probabilities, labels: NDArray[np.int64]) -> float:
    """Expected calibration error of the top label in equal-width bins; 0 for no rows."""
    if len(labels) == 0:
        return 0.0
    confidence = proba.max(axis=1)
    right = proba.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gap).sum() / len(labels))


def record(
    proba: Probabilities,
    labels: NDArray[np.int64],
    temperature: float,
    weights: Weights | None = None,
    kind: str = "temperature",
) -> dict[str, float]:
    """What a model's notes say: temperature, rows it was fitted on, and their calibration error before and after.

    After is what such a calibration does for rows that it was not fitted on: every other row is calibrated by the
    rest, and the other way round. What serves is fitted on all of them.
    """
    return {
        "temperature": round(temperature, 4),
        "calibration_rows": len(labels),
        "ece_before": round(expected_error(proba, labels), 4),
        "ece_after": round(expected_error(_cross_fitted(kind, proba, labels, weights), labels), 4),
    }


def _cross_fitted(kind: str, proba: Probabilities, labels: NDArray[np.int64], weights: Weights | None) -> Probabilities:
    found = np.array(proba, dtype=np.float64)
    half = np.arange(len(labels)) % 2 == 0
    if len(labels) < 2:
        return found
    for asked, rest in ((half, ~half), (~half, half)):
        known = None if weights is None else weights[rest]
        found[asked] = fit(kind, proba[rest], labels[rest], known).apply(proba[asked])
    return found
