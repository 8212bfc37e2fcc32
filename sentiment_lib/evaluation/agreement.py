"""Inter-annotator agreement beyond chance: Cohen's kappa.

Cohen 1960, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20 (1); with a
percentile bootstrap interval (Efron 1979), as the normal approximation is poor for the few pairs of a small team.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import confusion_matrix

ROUNDS = 2000
SEED = 20150224


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement on tweets that two people labelled: the share of equal labels, and kappa with its 95 % interval.

    Kappa and its interval are None when chance alone would always agree (everyone gave one label).
    """

    pairs: int
    share: float | None
    kappa: float | None
    interval: tuple[float, float] | None
    #: confusion matrix: rows are the first person's labels, columns the second's
    counts: tuple[tuple[int, ...], ...]


def measure_agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Agreement of pairs of labels (first person's, second person's). Raises ValueError for an unknown label."""
    names = [str(label) for label in LABELS]
    if not pairs:
        return Agreement(pairs=0, share=None, kappa=None, interval=None, counts=((0,) * 3,) * 3)
    first, second = (np.array([names.index(label) for label in side]) for side in zip(*pairs, strict=True))
    table = confusion_matrix(first, second)
    kappa: float | None = None
    bounds: tuple[float, float] | None = None
    if _chance(table[None])[0] < 1:
        kappa = float(_kappa(table[None])[0])
        resampled = np.random.default_rng(SEED).multinomial(len(pairs), table.ravel() / len(pairs), size=ROUNDS)
        kappas = _kappa(resampled.reshape(ROUNDS, *table.shape))
        low, high = np.nanpercentile(kappas, [2.5, 97.5])
        bounds = (float(low), float(high))
    return Agreement(
        pairs=len(pairs),
        share=float(np.trace(table) / len(pairs)),
        kappa=kappa,
        interval=bounds,
        counts=tuple(tuple(int(count) for count in row) for row in table),
    )


def _chance(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Expected share of equal labels in tables (n, 3, 3) of independent labels."""
    total = tables.sum(axis=(1, 2))
    expected: NDArray[np.float64] = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / total**2
    return expected


def _kappa(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Kappa of each table (n, 3, 3); nan where chance always agrees."""
    chance = _chance(tables)
    observed = np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: NDArray[np.float64] = np.where(chance < 1, (observed - chance) / (1 - chance), np.nan)
    return kappa
