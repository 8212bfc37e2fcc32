"""How far two people agree beyond chance.

Cohen's kappa (Cohen, Educational and Psychological Measurement 1960), with a percentile interval over pairs drawn again
(Efron 1979): its normal approximation is poor for the few pairs that a small team has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.records import LABELS

ROUNDS = 2000
SEED = 20150224


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of `pairs` doubled tweets: the share with the same answer, and kappa with its 95 % interval.

    Kappa is None when chance alone would agree always (everyone gave one label), and so is a bound without spread.
    """

    pairs: int
    share: float | None
    kappa: float | None
    interval: tuple[float, float] | None
    #: first answers down, second answers across, in the order of LABELS
    counts: tuple[tuple[int, ...], ...]


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Agreement of (first, second) answers."""
    from sklearn.metrics import cohen_kappa_score, confusion_matrix

    names = [str(label) for label in LABELS]
    if not pairs:
        return Agreement(pairs=0, share=None, kappa=None, interval=None, counts=((0,) * 3,) * 3)
    first, second = zip(*pairs, strict=True)
    table = confusion_matrix(first, second, labels=names)
    kappa: float | None = None
    bounds: tuple[float, float] | None = None
    if _chance(table[None])[0] < 1:
        kappa = float(cohen_kappa_score(first, second, labels=names))
        drawn = np.random.default_rng(SEED).multinomial(len(pairs), table.ravel() / len(pairs), size=ROUNDS)
        again = _kappa(drawn.reshape(ROUNDS, *table.shape))
        low, high = np.nanpercentile(again, [2.5, 97.5])
        bounds = (float(low), float(high))
    return Agreement(
        pairs=len(pairs),
        share=float(np.trace(table) / len(pairs)),
        kappa=kappa,
        interval=bounds,
        counts=tuple(tuple(int(count) for count in row) for row in table),
    )


def _chance(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Expected share of equal answers of tables (n, 3, 3) if the two answered independently."""
    total = tables.sum(axis=(1, 2))
    expected: NDArray[np.float64] = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / total**2
    return expected


def _kappa(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Kappa of each table (n, 3, 3); nan where chance always agrees."""
    chance = _chance(tables)
    seen = np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: NDArray[np.float64] = np.where(chance < 1, (seen - chance) / (1 - chance), np.nan)
    return kappa
