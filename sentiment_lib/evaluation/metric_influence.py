"""What one row adds to the difference of two models: the metric, made linear, so that rows can be summed and bet on.

A metric such as F1 is no mean over rows. Its gradient at the champion's confusion counts gives each (label, class) a
worth; the candidate's worth minus the champion's is the row's gain, and the mean gain is the difference of the metric
to first order (Hampel 1974, "The Influence Curve and its Role in Robust Estimation", JASA 69). For F1 the sign is
exact when the champion's F1 is: F1 of the candidate is above f just when its mean of 2 hits - f (predicted + true) is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.metrics import CLASSES, COUNT_METRICS, Floats, Ints


def worth(confusion: NDArray[Any], name: str) -> Floats:
    """Worth (3, 3) of each label x class, in metric points a row, from the champion's counts (3, 3)."""
    counts = np.asarray(confusion, dtype=np.float64) + 1e-9
    counts = counts / counts.sum()
    hits, truth, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    identity: Floats = np.eye(CLASSES, dtype=np.float64)
    if name == "accuracy":
        return identity
    if name in ("macro_recall", "negative_recall"):
        per_class = identity / truth[:, None]
        return np.asarray(per_class / CLASSES if name == "macro_recall" else per_class * identity[0])
    if name in ("macro_f1", "negative_f1"):
        size = truth + predicted
        f1 = 2 * hits / size
        total = np.zeros((CLASSES, CLASSES))
        for c in range(CLASSES) if name == "macro_f1" else (0,):
            one = np.zeros((CLASSES, CLASSES))
            one[c, c] = 2.0
            one[:, c] -= f1[c]
            total += one / size[c]
        return total / CLASSES if name == "macro_f1" else total
    raise BadInput(what="metric", problem=f"'{name}' is not one of {', '.join(COUNT_METRICS)}")


def gain_cube(worths: Floats) -> Floats:
    """Gain (3, 3, 3) of label x champion's class x candidate's class."""
    return np.asarray(worths[:, None, :] - worths[:, :, None])


def gains(labels: Ints, champion: Ints, candidate: Ints, worths: Floats) -> Floats:
    """Gain (n,) of each row; zero wherever the two models agree."""
    return np.asarray(worths[labels, candidate] - worths[labels, champion])


def expected_gains(label_proba: Floats, champion: Ints, candidate: Ints, worths: Floats) -> Floats:
    """Gain (n,) that a model of the label, probabilities (n, 3), expects of rows that nobody has labelled."""
    return np.asarray((label_proba * (worths[:, candidate] - worths[:, champion]).T).sum(axis=1))


def gain_uncertainty(label_proba: Floats, champion: Ints, candidate: Ints, worths: Floats) -> Floats:
    """How much a label would tell (n,): the expected gain's standard deviation; zero where the models agree."""
    possible = (worths[:, candidate] - worths[:, champion]).T
    expected = (label_proba * possible).sum(axis=1)
    squared = (label_proba * possible**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squared - expected**2, 0)))


def largest(worths: Floats) -> float:
    """The largest absolute gain that a row can have: the scale for bets."""
    return float(np.abs(gain_cube(worths)).max())
