"""Test of "the candidate is worse by the margin or more", under a null distribution that has this loss.

Swapping the two models and shifting the result by the margin would give a null without the rows that such a loss
consists of: its spread comes from the rows that differ, and is too small where these are about as few. Here the null is
a distribution of rows whose difference is the margin exactly, as in score tests of non-inferiority, whose variance is
that under the null (Tango 1998, Statistics in Medicine 17; Farrington, Manning 1990, Statistics in Medicine 9).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from sentiment_lib.evaluation.likely_null import likely_counts
from sentiment_lib.evaluation.metric_influence import gain_tensor, metric_gradient
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints

#: The strongest tilt, in units of the largest gain: a row of a cell with the largest loss is then drawn no more.
STRONGEST_TILT = 50.0


@dataclass(frozen=True, kw_only=True)
class MarginTest:
    """Result of the test; where the rows have no room for such a loss, nothing is shown."""

    p_value: float
    #: standard deviation of one row's influence under the null; None without room for the loss
    row_deviation: float | None


def margin_test(counts: Ints, metric: str, *, margin: float, rounds: int, rng: np.random.Generator) -> MarginTest:
    """One-sided test of a loss of `margin` (above 0) on counts (3, 3, 3), by `rounds` draws of the null."""
    null = losing_counts(counts, metric, margin)
    if null is None:
        return MarginTest(p_value=1.0, row_deviation=None)
    p_value = _tail_of(null, counts, metric, rounds=rounds, rng=rng)
    return MarginTest(p_value=p_value, row_deviation=_deviation(null, metric))


def likely_p_value(counts: Ints, metric: str, *, margin: float, rounds: int, rng: np.random.Generator) -> float:
    """One-sided p-value of a loss of `margin` (0: of no gain) under the likeliest such null (`likely_null`)."""
    null = likely_counts(counts, metric, margin)
    return 1.0 if null is None else _tail_of(null, counts, metric, rounds=rounds, rng=rng)


def _tail_of(null: Floats, counts: Ints, metric: str, *, rounds: int, rng: np.random.Generator) -> float:
    """Chance of the difference of counts (3, 3, 3) or a larger one, in draws of as many rows from a null (3, 3, 3).

    The draws are tilted towards the observed difference and weighted accordingly, so that p-values far below
    1 / rounds are estimated as well: importance sampling, Siegmund 1976, Annals of Statistics 4 (4).
    """
    filled, share, gain = _cells(null, metric)
    rows = int(counts.sum())
    tilt = _tilt(share, gain, float((gain * counts.reshape(-1)[filled]).sum() / rows))
    tilted = share * np.exp(tilt * gain)
    drawn = np.zeros((rounds, null.size), dtype=np.int64)
    drawn[:, filled] = rng.multinomial(rows, tilted / tilted.sum(), size=rounds)
    found = paired_counts.difference(drawn.reshape(rounds, *null.shape), metric)
    reached = found >= float(paired_counts.difference(counts, metric)) - 1e-12
    weight = np.exp(rows * np.log(tilted.sum()) - tilt * (drawn[:, filled] @ gain))
    return min(float((weight * reached).mean()), 1.0) if reached.any() else 1 / (1 + rounds)


def losing_deviation(counts: Ints, metric: str, margin: float) -> float | None:
    """Standard deviation of one row's influence under the null of `margin_test`; None without room for the loss."""
    null = losing_counts(counts, metric, margin)
    return None if null is None else _deviation(null, metric)


def losing_counts(counts: Ints, metric: str, margin: float) -> Floats | None:
    """Expected counts (3, 3, 3) of models that differ on these rows by chance, and of a loss of `margin` on top.

    The loss is made of rows that both models have right, the costliest first: few rows that may all be missed by a
    sample are the null that is hardest to exclude. None when all of them cost less than the margin.
    """
    even = (counts + counts.swapaxes(1, 2)) / 2
    gains = gain_tensor(metric_gradient(even.sum(axis=2), metric))
    flows = sorted(
        (float(gains[label, label, wrong]), label, wrong)
        for label in range(CLASSES)
        for wrong in range(CLASSES)
        if wrong != label and gains[label, label, wrong] < 0
    )

    def lose(rows: float) -> Floats:
        moved = even.copy()
        for _, label, wrong in flows:
            taken = min(rows, float(moved[label, label, label]))
            moved[label, label, label] -= taken
            moved[label, label, wrong] += taken
            rows -= taken
        return moved

    def excess(rows: float) -> float:
        return float(paired_counts.difference(lose(rows), metric)) + margin

    most = float(np.einsum("iii->i", even).sum())
    return lose(float(brentq(excess, 0.0, most))) if excess(most) < 0 else None


def _cells(null: Floats, metric: str) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Mask (27,) of the filled cells, and their shares and gains (k,)."""
    filled = null.reshape(-1) > 0
    gain = gain_tensor(metric_gradient(null.sum(axis=2), metric)).reshape(-1)[filled]
    return filled, np.asarray(null.reshape(-1)[filled] / null.sum()), np.asarray(gain)


def _deviation(null: Floats, metric: str) -> float:
    _, share, gain = _cells(null, metric)
    return float(np.sqrt(max((share * gain**2).sum() - (share * gain).sum() ** 2, 0.0)))


def _tilt(share: Floats, gain: Floats, wanted: float) -> float:
    """The tilt under which the mean gain is the wanted one; 0 where it is without any."""

    def missing(tilt: float) -> float:
        tilted = share * np.exp(tilt * gain)
        return float((tilted * gain).sum() / tilted.sum()) - wanted

    strongest = STRONGEST_TILT / max(float(np.abs(gain).max()), 1e-300)
    if missing(0.0) >= 0:
        return 0.0
    return float(brentq(missing, 0.0, strongest)) if missing(strongest) > 0 else strongest
