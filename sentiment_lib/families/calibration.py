"""Probability calibration: temperature scaling, or isotonic regression for each label.

Temperature: Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
Isotonic: Zadrozny, Elkan: Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Probabilities
from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import expected_calibration_error

#: Probabilities are clipped to this, so that their logarithms stay finite.
TINY = 1e-9
#: Without a lower bound, a few correctly predicted rows would give a temperature near zero: full certainty.
BOUNDS = (0.5, 20.0)
#: Knots of an isotonic curve; more would follow single tweets. Evenly spaced in log-odds up to MAX_LOG_ODDS, since
#: most probabilities of an overconfident model are close to zero and one.
KNOTS, MAX_LOG_ODDS = 21, 6.0
KINDS = ("temperature", "isotonic")
Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A temperature, or isotonic curves (3, KNOTS) in its place."""

    temperature: float = 1.0
    curves: NDArray[np.float64] | None = None

    def apply(self, proba: Probabilities) -> Probabilities:
        """Calibrated probabilities (n, 3) of raw ones (n, 3)."""
        if self.curves is not None:
            return apply_isotonic(proba, self.curves)
        return apply_temperature(proba, self.temperature)


def fit(kind: str, proba: Probabilities, labels: NDArray[np.int64], weights: Weights | None = None) -> Calibration:
    """Calibration of one of KINDS, from probabilities (n, 3), labels (n,) and row weights (n,)."""
    if kind == "isotonic":
        return Calibration(curves=fit_isotonic(proba, labels, weights))
    return Calibration(fit_temperature(proba, labels, weights))


def prior_weights(all_labels: NDArray[np.int64], held_out: NDArray[np.int64]) -> Weights:
    """Row weights (n,) that give the held-out labels (n,) the class frequencies of all labels.

    The newest day may have far more negative tweets than usual; unweighted, it would decide the calibration for all
    days.
    """
    prior = np.bincount(all_labels, minlength=len(LABELS)) / max(len(all_labels), 1)
    shares = np.bincount(held_out, minlength=len(LABELS)) / max(len(held_out), 1)
    return np.asarray((prior / np.maximum(shares, TINY))[held_out])


def fit_temperature(proba: Probabilities, labels: NDArray[np.int64], weights: Weights | None = None) -> float:
    """Temperature within BOUNDS with the least log loss of probabilities (n, 3) on labels (n,); 1 for no rows."""
    from scipy.optimize import minimize_scalar

    if len(labels) == 0:
        return 1.0
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = apply_temperature(proba, float(np.exp(log_temperature)))
        return float(np.average(-np.log(np.clip(scaled[rows, labels], TINY, 1)), weights=weights))

    minimum = minimize_scalar(loss, bounds=(np.log(BOUNDS[0]), np.log(BOUNDS[1])), method="bounded")
    return float(np.exp(minimum.x))


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
    """Curves (3, KNOTS): for each label, the calibrated probability at each knot."""
    from sklearn.isotonic import IsotonicRegression

    knots = _knots(KNOTS)
    curves = [
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        .fit(column, labels == label, sample_weight=weights)
        .predict(knots)
        for label, column in enumerate(proba.T)
    ]
    # mixed with a little of the identity, every curve rises strictly and no two scores become equal
    return np.asarray(0.98 * np.vstack(curves) + 0.02 * knots)


def apply_isotonic(proba: Probabilities, curves: NDArray[np.float64]) -> Probabilities:
    """Probabilities (n, 3) mapped by the curves (3, KNOTS), then normalised so that rows sum to one."""
    knots = _knots(curves.shape[1])
    mapped = np.column_stack([np.interp(column, knots, curve) for column, curve in zip(proba.T, curves, strict=True)])
    mapped = np.clip(mapped, TINY, 1)
    return np.asarray(mapped / mapped.sum(axis=1, keepdims=True))


def _knots(count: int) -> NDArray[np.float64]:
    inner = 1 / (1 + np.exp(-np.linspace(-MAX_LOG_ODDS, MAX_LOG_ODDS, count - 2)))
    return np.concatenate([[0.0], inner, [1.0]])


def calibration_notes(
    proba: Probabilities,
    labels: NDArray[np.int64],
    temperature: float,
    weights: Weights | None = None,
    kind: str = "temperature",
) -> dict[str, float]:
    """Temperature, rows it was fitted on, and their expected calibration error before and after.

    "After" is cross-fitted: each half of the rows is calibrated by the other half. The calibration that is served is
    fitted on all rows.
    """
    before, after = 0.0, 0.0
    if len(labels):
        before = expected_calibration_error(labels, proba)
        after = expected_calibration_error(labels, _cross_fit(kind, proba, labels, weights))
    return {
        "temperature": round(temperature, 4),
        "calibration_rows": len(labels),
        "ece_before": round(before, 4),
        "ece_after": round(after, 4),
    }


def _cross_fit(kind: str, proba: Probabilities, labels: NDArray[np.int64], weights: Weights | None) -> Probabilities:
    calibrated = np.array(proba, dtype=np.float64)
    half = np.arange(len(labels)) % 2 == 0
    if len(labels) < 2:
        return calibrated
    for rows, rest in ((half, ~half), (~half, half)):
        rest_weights = None if weights is None else weights[rest]
        calibrated[rows] = fit(kind, proba[rest], labels[rest], rest_weights).apply(proba[rows])
    return calibrated
