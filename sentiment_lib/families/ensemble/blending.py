"""What makes one answer of several: a linear model over the logarithms of probabilities, or one power for each model.

Genest, Zidek: Combining Probability Distributions, Statistical Science 1, 1986 (the logarithmic opinion pool).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Probabilities
from sentiment_lib.families.calibration import fit_temperature, record, softmax
from sentiment_lib.records import LABELS

#: Labels count by the inverse of their share to this power.
BALANCE = 0.5
#: Probabilities below it say no more: one member's certainty cannot outvote all others.
FLOOR = 1e-4
#: Fewest rows that weigh members.
FEWEST = 30
#: No weight is negative: a model that is right more often than chance is never turned into its contrary.
MOST = 3.0


def pooled(
    logs: Sequence[NDArray[np.float64]], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, dict[str, Any]]:
    """Powers of the members and a temperature, on rows that none of them learned from; even ones from few rows."""
    if len(labels) < FEWEST:
        return np.full(len(logs), 1 / len(logs)), 1.0, {}
    # as in `fit_linear`, rare labels count for more in what is said, and as they come in how surely
    share = np.bincount(labels, weights=weights, minlength=len(LABELS)) / weights.sum()
    powers = fit_weights(logs, labels, weights * share[labels] ** -BALANCE)
    found = softmax(np.tensordot(powers, np.stack(logs), axes=1))
    temperature = fit_temperature(found, labels, weights)
    return powers, temperature, record(found, labels, temperature, weights)


def calibrated(
    features: NDArray[np.float64], labels: NDArray[np.int64], blocks: Sequence[NDArray[np.int64]]
) -> tuple[float, dict[str, float]]:
    """Temperature on the rows of every block, each answered for by a linear model of the other blocks.

    The newest block alone would not do: the distance between it and the older ones says how members of a part of the
    rows fall behind, and those that serve have learned from all of them.
    """
    found = np.zeros((len(labels), len(LABELS)))
    for block in blocks:
        rest = np.setdiff1d(np.arange(len(labels)), block)
        if len(set(labels[rest].tolist())) < len(LABELS):
            return 1.0, {}
        coefficients, intercept = fit_linear(features[rest], labels[rest])
        found[block] = softmax(features[block] @ coefficients.T + intercept)
    temperature = fit_temperature(found, labels)
    return temperature, record(found, labels, temperature)


def features_of(answers: Sequence[Probabilities]) -> NDArray[np.float64]:
    """Logarithms (n, 3 m); bounded, so that one member's certainty cannot outvote all others."""
    return np.log(np.clip(np.hstack(answers), FLOOR, 1))


def fit_linear(
    features: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients (3, 3 m) and intercept (3,) from logarithms (n, 3 m) and labels (n,); rare labels count for more."""
    from sklearn.linear_model import LogisticRegression

    share = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(features, labels, sample_weight=share[labels] ** -BALANCE)
    return fitted.coef_, fitted.intercept_


def fit_weights(
    logs: Sequence[NDArray[np.float64]], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Powers (m,) that make the log loss smallest, from log probabilities, m times (n, 3), on labels (n,).

    `weights` (n,) say what each row counts. So few numbers are found well from a few hundred rows, where a matrix over
    all probabilities would follow their noise.
    """
    from scipy.optimize import minimize

    every = np.stack(logs)
    rows = np.arange(len(labels))
    share = weights / weights.sum()

    def loss(powers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = np.tensordot(powers, every, axes=1)
        scores -= scores.max(axis=1, keepdims=True)
        proba = np.exp(scores)
        proba /= proba.sum(axis=1, keepdims=True)
        gap = proba
        value = float(-(share * np.log(np.maximum(proba[rows, labels], 1e-300))).sum())
        gap[rows, labels] -= 1
        return value, np.einsum("mnc,nc,n->m", every, gap, share)

    begin = np.full(len(logs), 1 / len(logs))
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=[(0.0, MOST)] * len(logs))
    return np.asarray(found.x, dtype=np.float64)
