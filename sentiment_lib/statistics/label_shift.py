"""A confusion matrix carried over to a stream whose classes are shared differently."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.metrics import CLASSES, Floats

#: Predictions that the class shares of the labelled rows weigh as much as: a stream of a few tweets moves little.
PRIOR_ROWS = 50.0
ROUNDS, TOLERANCE = 1000, 1e-9


def shift_classes(confusion: ArrayLike, predicted: ArrayLike) -> Floats:
    """Confusion matrix (3, 3) as it would be on a stream of which the model predicted each class so often (3,).

    Rows of `confusion` are true labels, columns predictions. Class shares of the stream have the greatest posterior
    density given the predictions, by EM (Saerens, Latinne, Decaestecker 2002, Neural Computation 14 (1), for
    predicted classes) under a Dirichlet prior of PRIOR_ROWS rows about those of the labelled rows. Assumes label shift:
    the texts of each class stay as they were. A class without labelled rows keeps none. Raises BadInput for shapes
    other than these and for negative counts.
    """
    counts, seen = (np.asarray(values, dtype=np.float64) for values in (confusion, predicted))
    if counts.shape != (CLASSES, CLASSES) or seen.shape != (CLASSES,) or min(counts.min(), seen.min()) < 0:
        raise BadInput(what="label shift", problem="a confusion matrix (3, 3) and three counts are needed")
    if not counts.sum():
        return counts
    truth = counts.sum(axis=1)
    known = truth / truth.sum()
    by_class = np.divide(counts, truth[:, None], out=np.zeros_like(counts), where=truth[:, None] > 0)
    shares = known
    for _ in range(ROUNDS):
        expected = shares @ by_class
        # a class that the model never predicted for labelled rows tells nothing about true ones
        ratio = np.divide(seen, expected, out=np.zeros(CLASSES), where=expected > 0)
        updated = shares * (by_class @ ratio) + PRIOR_ROWS * known
        updated /= updated.sum()
        if np.abs(updated - shares).max() < TOLERANCE:
            break
        shares = updated
    weights = np.divide(shares, known, out=np.zeros(CLASSES), where=known > 0)
    return np.asarray(counts * weights[:, None])
