"""Does it hurt? Quality from calibrated probabilities, or from a labelled sample; and the class shares behind them.

Probabilities are (n, 3) in LABELS order; labels are integers 0..2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLASSES = 3


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure (macro-F1, unless another was asked for) with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    rows: int


def macro_f1(confusion: Floats) -> float:
    """Macro-F1 of a (true, predicted) matrix of counts or expected counts; an empty class counts as 0."""
    hits = np.diag(confusion)
    sums = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float(np.mean(np.divide(2 * hits, sums, out=np.zeros(CLASSES), where=sums > 0)))


def estimated(proba: Floats, calibration: Calibrator | None = None, *, rounds: int = 200, seed: int = 0) -> Estimate:
    """Confidence-based estimate of macro-F1: each prediction's probabilities are the chances of the true labels.

    Garg et al. 2022 (ICLR) discuss when it holds: the probabilities must stay calibrated, so it sees covariate shift
    and not a change of meaning.
    """
    predicted = proba.argmax(axis=1)
    chances = calibration.apply(proba) if calibration else proba

    def figure(rows: Ints) -> float:
        confusion = np.zeros((CLASSES, CLASSES))
        np.add.at(confusion.T, predicted[rows], chances[rows])
        return macro_f1(confusion)

    return _interval(figure, len(proba), rounds, seed)


def measured(
    labels: Ints,
    proba: Floats,
    inclusion: Floats,
    *,
    of: Callable[[Floats], float] = macro_f1,
    rounds: int = 200,
    seed: int = 0,
) -> Estimate:
    """A figure of labelled rows, each weighted by one over the chance with which it was drawn (Horvitz-Thompson)."""
    predicted = proba.argmax(axis=1)
    weights = 1 / inclusion

    def figure(rows: Ints) -> float:
        confusion = np.zeros((CLASSES, CLASSES))
        np.add.at(confusion, (labels[rows], predicted[rows]), weights[rows])
        return of(confusion)

    return _interval(figure, len(labels), rounds, seed)


@dataclass(frozen=True)
class Calibrator:
    """Logistic map of log-probabilities, fitted on labelled tweets (Kull et al. 2019, NeurIPS: matrix scaling)."""

    weights: Floats
    bias: Floats

    def apply(self, proba: Floats) -> Floats:
        """Calibrated probabilities, (n, 3)."""
        scores = _logs(proba) @ self.weights + self.bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def calibrator(labels: Ints, proba: Floats) -> Calibrator | None:
    """Fit on labelled rows; None when a class is missing or there are fewer than 100 rows."""
    if len(labels) < 100 or len(np.unique(labels)) < CLASSES:
        return None
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=500).fit(_logs(proba), labels)
    return Calibrator(weights=np.asarray(model.coef_.T), bias=np.asarray(model.intercept_))


def shares_by_em(proba: Floats, prior: Floats, *, rounds: int = 200) -> Floats:
    """Class shares now, of probabilities calibrated under `prior` (Saerens et al. 2002, Neural Computation)."""
    now = prior.copy()
    for _ in range(rounds):
        weighted = proba * (now / prior)
        fresh = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(fresh - now).max() < 1e-7:
            break
        now = fresh
    return np.asarray(now)


def shares_by_confusion(labels: Ints, proba: Floats, current: Floats) -> Floats:
    """Class shares now by black-box shift estimation (Lipton et al. 2018, ICML): the labelled confusion, inverted."""
    confusion = np.zeros((CLASSES, CLASSES))
    np.add.at(confusion, (proba.argmax(axis=1), labels), 1.0)
    columns = confusion.sum(axis=0)
    joint = confusion / np.where(columns > 0, columns, 1)
    seen = np.bincount(current.argmax(axis=1), minlength=CLASSES) / len(current)
    found = np.clip(np.linalg.lstsq(joint, seen, rcond=None)[0], 0, None)
    return np.asarray(found / found.sum()) if found.sum() > 0 else np.full(CLASSES, 1 / CLASSES)


def _interval(figure: Callable[[Any], float], rows: int, rounds: int, seed: int) -> Estimate:
    random = np.random.default_rng(seed)
    again = [figure(random.integers(0, rows, rows)) for _ in range(rounds)]
    low, high = np.quantile(again, [0.025, 0.975])
    return Estimate(value=figure(np.arange(rows)), low=float(low), high=float(high), rows=rows)


def _logs(proba: Floats) -> Floats:
    return np.log(np.clip(proba, 1e-6, 1))
