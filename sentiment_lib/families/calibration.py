"""Temperature scaling: one number that makes probabilities mean what they say.

Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.base import Probabilities

#: Probabilities are kept off zero and one, so that their logarithms stay finite.
TINY = 1e-9


def fit_temperature(proba: Probabilities, labels: NDArray[np.int64]) -> float:
    """Temperature in [0.05, 20] that minimises the log loss of probabilities (n, 3) on labels (n,); 1 for no rows."""
    from scipy.optimize import minimize_scalar

    if len(labels) == 0:
        return 1.0
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = apply_temperature(proba, float(np.exp(log_temperature)))
        return float(-np.log(np.clip(scaled[rows, labels], TINY, 1)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(proba: Probabilities, temperature: float) -> Probabilities:
    """Probabilities (n, 3) softened (temperature above 1) or sharpened (below 1)."""
    if temperature == 1.0:
        return proba
    logits = np.log(np.clip(proba, TINY, 1)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    exponent = np.exp(logits)
    return np.asarray(exponent / exponent.sum(axis=1, keepdims=True))
