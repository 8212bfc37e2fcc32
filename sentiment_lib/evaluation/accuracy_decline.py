"""Is a champion wrong more often than it was when it was promoted? A detector with a known rate of false requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentiment_lib.statistics.anytime_valid import STAKES


@dataclass(frozen=True, kw_only=True)
class Decline:
    """What the audit labels since the last request say; `crossed_after` labels the detector asked for a retrain."""

    labels: int
    #: accuracy: on the holdout of the promotion, what is still accepted, and on the labels (weighted by their draw;
    #: None without any)
    promised: float
    accepted: float
    measured: float | None
    #: the detector's value, and the one at which it asks
    evidence: float
    bound: float
    crossed_after: int | None


def decline(
    wrong: Sequence[bool], inclusion: Sequence[float], *, promised: float, drop: float, run_length: float
) -> Decline:
    """Judge labels (n,) in the order in which their tweets were drawn, each with the chance of its draw.

    A Shiryaev-Roberts e-detector (Shin, Ramdas, Rinaldo 2022) over the bets of `sequential.EProcess`, against "wrong
    in at most 1 - promised + drop of the cases": while that holds, it takes `run_length` labels or more, on average,
    until it asks. So a decline that comes late is found as fast as one on the first day.
    """
    accepted = max(promised - drop, 0.0)
    missed = np.asarray(wrong, dtype=np.float64)
    drawn = np.asarray(inclusion, dtype=np.float64)
    # the smallest chance sets the scale: chances are chosen before any label is seen, and weights stay within 1
    weight = drawn.min() / drawn if drawn.size else drawn
    value, highest, crossed = np.zeros(len(STAKES)), 0.0, None
    for number, excess in enumerate(weight * (missed - (1 - accepted)), start=1):
        value = (value + 1) * (1 + STAKES * excess)
        highest = max(highest, float(value.mean()))
        if crossed is None and value.mean() >= run_length:
            crossed = number
    return Decline(
        labels=int(missed.size),
        promised=promised,
        accepted=accepted,
        measured=1 - float(np.average(missed, weights=weight)) if missed.size else None,
        evidence=min(highest, 1e300),
        bound=run_length,
        crossed_after=crossed,
    )
