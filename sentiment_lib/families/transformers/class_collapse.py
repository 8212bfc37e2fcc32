"""A network that learned to leave a label out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.records import LABELS

#: On so many rows, a label that makes up more than COMMON of them must be answered COLLAPSED times as often as it
#: is there: the gate's usual rule (policy.gate.collapse_ratio).
ENOUGH, COMMON, COLLAPSED = 100, 0.05, 0.2


def collapsed(answers: NDArray[np.int64], truth: NDArray[np.int64]) -> str | None:
    """What is wrong with answers (n,) among which a label that is really there hardly comes; None when nothing is."""
    if len(truth) < ENOUGH:
        return None
    there, answered = (np.bincount(labels, minlength=len(LABELS)) for labels in (truth, answers))
    for label, n, found in zip(LABELS, there, answered, strict=True):
        if n > COMMON * len(truth) and found < COLLAPSED * n:
            return f"of {len(truth)} later rows {n} are {label}, and it learned to answer so for {found}"
    return None
