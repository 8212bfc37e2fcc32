"""Combination of several models' probabilities: stacked logistic regression, or a logarithmic opinion pool.

Genest, Zidek: Combining Probability Distributions, Statistical Science 1, 1986.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Probabilities
from sentiment_lib.families.calibration import calibration_notes, fit_temperature, softmax
from sentiment_lib.records import LABELS

#: Class weights are the inverse class frequency to this power.
BALANCE = 0.5
#: Probabilities are clipped to this from below, so that one member's certainty cannot outvote all others.
FLOOR = 1e-4
#: Fewest rows to fit the members' weights on.
MIN_ROWS = 30
#: Upper bound of a member's weight. The lower one is 0: a negative weight would invert a model.
MAX_WEIGHT = 3.0


def fit_log_pool(
    logs: Sequence[NDArray[np.float64]], labels: NDArray[np.int64], row_weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, dict[str, Any]]:
    """Weights (m,) of m members, a temperature and notes; equal weights and no notes below MIN_ROWS.

    `logs` are m times log probabilities (n, 3) on rows that no member learned from; labels and row weights are (n,).
    """
    if len(labels) < MIN_ROWS:
        return np.full(len(logs), 1 / len(logs)), 1.0, {}
    # the weights are fitted with balanced classes, as in `fit_linear`; the temperature with the classes as they occur
    shares = np.bincount(labels, weights=row_weights, minlength=len(LABELS)) / row_weights.sum()
    weights = fit_weights(logs, labels, row_weights * shares[labels] ** -BALANCE)
    proba = softmax(np.tensordot(weights, np.stack(logs), axes=1))
    temperature = fit_temperature(proba, labels, row_weights)
    return weights, temperature, calibration_notes(proba, labels, temperature, row_weights)


def cross_fit_temperature(
    features: NDArray[np.float64], labels: NDArray[np.int64], blocks: Sequence[NDArray[np.int64]]
) -> tuple[float, dict[str, float]]:
    """Temperature and notes from predictions for each block by a linear model of the other blocks.

    `features` are (n, 3 m), labels (n,), and blocks hold row indices. The newest block alone would not do: its distance
    from the older ones shows how members trained on part of the rows fall behind, and those that serve are trained on
    all of them.
    """
    proba = np.zeros((len(labels), len(LABELS)))
    for block in blocks:
        rest = np.setdiff1d(np.arange(len(labels)), block)
        if len(set(labels[rest].tolist())) < len(LABELS):
            return 1.0, {}
        coefficients, intercept = fit_linear(features[rest], labels[rest])
        proba[block] = softmax(features[block] @ coefficients.T + intercept)
    temperature = fit_temperature(proba, labels)
    return temperature, calibration_notes(proba, labels, temperature)


def log_features(probabilities: Sequence[Probabilities]) -> NDArray[np.float64]:
    """Log probabilities (n, 3 m) of m members, clipped at FLOOR."""
    return np.log(np.clip(np.hstack(probabilities), FLOOR, 1))


def fit_linear(
    features: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients (3, 3 m) and intercept (3,) of a logistic regression on features (n, 3 m) and labels (n,)."""
    from sklearn.linear_model import LogisticRegression

    share = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(features, labels, sample_weight=share[labels] ** -BALANCE)
    return fitted.coef_, fitted.intercept_


def fit_weights(
    logs: Sequence[NDArray[np.float64]], labels: NDArray[np.int64], row_weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights (m,) of m members with the least weighted log loss; m times log probabilities (n, 3), labels (n,).

    So few parameters can be fitted on a few hundred rows, where a full coefficient matrix would overfit.
    """
    from scipy.optimize import minimize

    stacked = np.stack(logs)
    rows = np.arange(len(labels))
    shares = row_weights / row_weights.sum()

    def loss_and_gradient(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = np.tensordot(weights, stacked, axes=1)
        scores -= scores.max(axis=1, keepdims=True)
        proba = np.exp(scores)
        proba /= proba.sum(axis=1, keepdims=True)
        loss = float(-(shares * np.log(np.maximum(proba[rows, labels], 1e-300))).sum())
        residual = proba
        residual[rows, labels] -= 1
        return loss, np.einsum("mnc,nc,n->m", stacked, residual, shares)

    start = np.full(len(logs), 1 / len(logs))
    bounds = [(0.0, MAX_WEIGHT)] * len(logs)
    minimum = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(minimum.x, dtype=np.float64)
