"""Matrix scaling: calibration of class probabilities by a logistic map of their logarithms."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    #: square root (12, 12) of the covariance of weights and bias, row by row; None when it is unknown
    spread: Floats | None = None

    def apply(self, proba: Floats) -> Floats:
        """Calibrated probabilities (n, 3)."""
        scores = _log(proba) @ self.weights + self.bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def draw(self, count: int, random: np.random.Generator) -> list[MatrixScaling]:
        """Parameters that the labels allow: normal about the fit (Laplace's approximation)."""
        if self.spread is None:
            return [self] * count
        moves = random.standard_normal((count, self.spread.shape[0])) @ self.spread.T
        return [
            MatrixScaling(
                weights=self.weights + move[: CLASSES**2].reshape(CLASSES, CLASSES), bias=self.bias + move[CLASSES**2 :]
            )
            for move in moves
        ]


def fit_matrix_scaling(labels: Ints, proba: Floats) -> MatrixScaling | None:
    """Fit on labels (n,) and probabilities (n, 3); None with fewer than MIN_ROWS rows or a class without rows."""
    if len(labels) < MIN_ROWS or len(np.unique(labels)) < CLASSES:
        return None
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=500).fit(_log(proba), labels)
    fitted = MatrixScaling(weights=np.asarray(model.coef_.T), bias=np.asarray(model.intercept_))
    return replace(fitted, spread=_spread(fitted, proba))


def _spread(fitted: MatrixScaling, proba: Floats) -> Floats:
    """Square root of the inverse Hessian of the penalised log loss; directions without effect have no spread."""
    inputs = np.column_stack([_log(proba), np.ones(len(proba))])
    answers = fitted.apply(proba)
    hessian = np.zeros((CLASSES + 1, CLASSES, CLASSES + 1, CLASSES))
    for one in range(CLASSES):
        for other in range(CLASSES):
            weight = answers[:, one] * ((one == other) - answers[:, other])
            hessian[:, one, :, other] = (inputs * weight[:, None]).T @ inputs
    size = (CLASSES + 1) * CLASSES
    matrix = hessian.reshape(size, size) + np.diag([1.0] * CLASSES**2 + [0.0] * CLASSES)
    values, vectors = np.linalg.eigh(matrix)
    scale = np.where(values > 1e-6 * values.max(), 1 / np.sqrt(np.maximum(values, 1e-12)), 0.0)
    return np.asarray(vectors * scale)


def _log(proba: Floats) -> Floats:
    return np.log(np.clip(proba, 1e-6, 1))
