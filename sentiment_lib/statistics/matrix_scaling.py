"""Matrix scaling: calibration of class probabilities by a logistic map of their logarithms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints

#: Fewer labelled rows than this overfit the twelve parameters.
MIN_ROWS = 100


@dataclass(frozen=True)
class MatrixScaling:
    """Kull et al. 2019, "Beyond temperature scaling", NeurIPS; after Guo et al. 2017, ICML."""

    #: (3, 3)
    weights: Floats
    #: (3,)
    bias: Floats

    def apply(self, proba: Floats) -> Floats:
        """Calibrated probabilities (n, 3)."""
        scores = _log(proba) @ self.weights + self.bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def fit_matrix_scaling(labels: Ints, proba: Floats) -> MatrixScaling | None:
    """Fit on labels (n,) and probabilities (n, 3); None with fewer than MIN_ROWS rows or a class without rows."""
    if len(labels) < MIN_ROWS or len(np.unique(labels)) < CLASSES:
        return None
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=500).fit(_log(proba), labels)
    return MatrixScaling(weights=np.asarray(model.coef_.T), bias=np.asarray(model.intercept_))


def _log(proba: Floats) -> Floats:
    return np.log(np.clip(proba, 1e-6, 1))
