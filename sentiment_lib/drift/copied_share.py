"""Share of tweets that repeat a text, compared between runs of consecutive tweets of equal length.

A random sample of a week contains fewer copies of each text than all tweets of one day, so comparing the two would show
a spurious increase. Copies also come in clusters, which makes their number overdispersed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import binom

from sentiment_lib.drift.signals import repetition_key
from sentiment_lib.statistics.metrics import Floats

#: Minimum number of runs in the reference.
MIN_RUNS = 3
#: What counts as repeated: people say short things alike on their own, and twice by chance.
LEAST_COPIES, LEAST_LETTERS = 3, 10
#: Smallest difference of the shares that matters: no other signal counts copies, so a flood of 5 % must not be missed.
MIN_EFFECT = 0.02


@dataclass(frozen=True, kw_only=True)
class TextRuns:
    """Consecutive texts of the current window, and of windows before it."""

    current: Sequence[str] = field(repr=False)
    reference: Sequence[Sequence[str]] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CopiedShare:
    """Shares of repeated texts, and the p-value of their difference."""

    before: float
    now: float
    p_value: float


def cut_runs(reference: Sequence[str], current: Sequence[str]) -> TextRuns:
    """Runs of equal length from two samples that were drawn alike; at least MIN_RUNS of the reference."""
    size = max(1, min(len(current), len(reference) // MIN_RUNS))
    starts = range(0, len(reference) - size + 1, size)
    return TextRuns(current=current[:size], reference=[reference[start : start + size] for start in starts])


def compare_copies(runs: TextRuns) -> CopiedShare | None:
    """Compare the current run with those before it; None with fewer than MIN_RUNS of them.

    The unit is a cluster: repeated tweets, now and before, are divided by the mean cluster size that a repeated tweet
    of the reference has (1 without one). Given their sum, the number now is binomial with the current share of the
    tweets (conditional test of two Poisson rates: Przyborowski, Wilenski 1940, Biometrika 31); two-sided.
    """
    if len(runs.reference) < MIN_RUNS or not runs.current:
        return None
    sizes = [cluster_sizes(texts) for texts in runs.reference]
    before, now = np.concatenate(sizes), cluster_sizes(runs.current)
    rows = sum(len(texts) for texts in runs.reference)
    unit = max(1.0, float((before**2).sum() / before.sum())) if before.size else 1.0
    clusters = float(now.sum()) / unit
    total = round(clusters + float(before.sum()) / unit)
    share = len(runs.current) / (len(runs.current) + rows)
    least, most = int(np.floor(clusters)), int(np.ceil(clusters))
    tails = binom.sf(least - 1, max(total, least), share), binom.cdf(most, max(total, most), share)
    return CopiedShare(
        before=float(before.sum()) / rows,
        now=float(now.sum()) / len(runs.current),
        p_value=float(min(1.0, 2 * min(tails))),
    )


def cluster_sizes(texts: Sequence[str]) -> Floats:
    """Tweets of each text of LEAST_LETTERS or more that occurs LEAST_COPIES times or more, (clusters,)."""
    counts = repetition_key(pd.Series(texts, dtype=object)).value_counts()
    sizes = counts[(counts >= LEAST_COPIES) & (counts.index.str.len() >= LEAST_LETTERS)]
    return sizes.to_numpy().astype(np.float64)
