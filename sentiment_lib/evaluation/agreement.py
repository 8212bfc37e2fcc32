"""Inter-annotator agreement beyond chance: Cohen's kappa.

Cohen 1960, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20 (1). The
interval is Wilson's (1927) for the share of different labels, at the sample size that gives kappa its large-sample
variance (Fleiss, Cohen, Everitt 1969, Psychological Bulletin 72 (5)): few pairs that all agree leave it wide, where the
bootstrap would give it no width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from sentiment_lib.records import LABELS
from sentiment_lib.statistics.metrics import Floats, Ints, confusion_matrix
from sentiment_lib.statistics.ratio_intervals import wilson_bounds

#: Fewer pairs than this give no interval.
MIN_PAIRS = 20
#: Pseudo-pairs in each cell for the variance of kappa.
PSEUDO_PAIRS = 0.1


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement on tweets that two people labelled: the share of equal labels, and kappa with its 95 % interval.

    Kappa is None when chance alone would always agree (everyone gave one label); its interval is also None with fewer
    than MIN_PAIRS pairs.
    """

    pairs: int
    share: float | None
    kappa: float | None
    interval: tuple[float, float] | None
    #: confusion matrix: rows are the first person's labels, columns the second's
    counts: tuple[tuple[int, ...], ...]


def measure_agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Agreement of pairs of labels (first person's, second person's). Raises ValueError for an unknown label."""
    if not pairs:
        return Agreement(pairs=0, share=None, kappa=None, interval=None, counts=((0,) * 3,) * 3)
    table = count_label_pairs(pairs)
    share, chance = float(np.trace(table) / len(pairs)), _chance(table / len(pairs))
    return Agreement(
        pairs=len(pairs),
        share=share,
        kappa=(share - chance) / (1 - chance) if chance < 1 else None,
        interval=_interval(table) if chance < 1 and len(pairs) >= MIN_PAIRS else None,
        counts=tuple(tuple(int(count) for count in row) for row in table),
    )


def count_label_pairs(pairs: Sequence[tuple[str, str]]) -> Ints:
    """Counts (3, 3) of pairs of labels: rows the first person's, columns the second's. Raises ValueError."""
    names = [str(label) for label in LABELS]
    codes = np.array([[names.index(label) for label in pair] for pair in pairs], dtype=np.int64).reshape(-1, 2)
    return confusion_matrix(codes[:, 0], codes[:, 1])


def _chance(shares: Floats) -> float:
    """Expected share of equal labels if the two labels of shares (3, 3) were independent."""
    return float(shares.sum(axis=1) @ shares.sum(axis=0))


def _interval(table: Ints) -> tuple[float, float]:
    pairs = int(table.sum())
    smoothed = (table + PSEUDO_PAIRS) / (table + PSEUDO_PAIRS).sum()
    chance, different = _chance(smoothed), 1 - float(np.trace(smoothed))
    marginals = np.add.outer(smoothed.sum(axis=0), smoothed.sum(axis=1))
    influence = np.eye(len(table)) * (1 - chance) - different * marginals
    variance = float((smoothed * influence**2).sum() - (smoothed * influence).sum() ** 2) / (1 - chance) ** 4
    binomial = different * (1 - different) / (1 - chance) ** 2
    observed = 1 - float(np.trace(table)) / pairs
    quantile = float(student.isf(0.025, pairs - 1))
    low, high = wilson_bounds(observed, pairs * binomial / variance, quantile)
    return 1 - high / (1 - chance), 1 - low / (1 - chance)
