"""Detection of class collapse: a network that hardly ever predicts one of the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.records import LABELS

#: From MIN_ROWS rows on, a class with more than MIN_SHARE of them must be predicted at least MIN_RATIO times as often
#: as it occurs: the default of policy.gate.collapse_ratio.
MIN_ROWS, MIN_SHARE, MIN_RATIO = 100, 0.05, 0.2


def find_collapse(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> str | None:
    """The problem when a class of `truth` (n,) is hardly among `predicted` (n,); None when there is none."""
    if len(truth) < MIN_ROWS:
        return None
    true_counts, predicted_counts = (np.bincount(labels, minlength=len(LABELS)) for labels in (truth, predicted))
    for label, count, predictions in zip(LABELS, true_counts, predicted_counts, strict=True):
        if count > MIN_SHARE * len(truth) and predictions < MIN_RATIO * count:
            return f"of {len(truth)} held-out rows {count} are {label}, and it predicts that label for {predictions}"
    return None
