"""Share of tweets that repeat a text, compared between runs of consecutive tweets of equal length.

A random sample of a week contains fewer copies of each text than all tweets of one day, so comparing the two would show
a spurious increase. Copies also come in clusters, which makes their number overdispersed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import norm

from sentiment_lib.drift.signals import repeated, repetition_key

#: Minimum number of runs in the reference.
MIN_RUNS = 3


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


def compare_copies(runs: TextRuns) -> CopiedShare | None:
    """Compare the current run with those before it; None with fewer than MIN_RUNS of them.

    Two-sided normal test. The variance of a run's share is the largest of that of independent tweets, that of clusters
    which come independently (compound Poisson: the sum of squared cluster sizes), and that between the runs.
    """
    if len(runs.reference) < MIN_RUNS or not runs.current:
        return None
    shares, clustered = zip(*(_share(pd.Series(texts)) for texts in runs.reference), strict=True)
    now, _ = _share(pd.Series(runs.current))
    count, before = len(shares), float(np.mean(shares))
    pooled = (count * before + now) / (count + 1)
    variance = max(pooled * (1 - pooled) / len(runs.current), float(np.mean(clustered)), float(np.var(shares, ddof=1)))
    if variance == 0:
        return CopiedShare(before=before, now=now, p_value=1.0)
    z = abs(now - before) / np.sqrt(variance * (1 + 1 / count))
    return CopiedShare(before=before, now=now, p_value=float(2 * norm.sf(z)))


def _share(texts: pd.Series) -> tuple[float, float]:
    """Share of repeated texts, and the variance of that share if clusters come independently."""
    mask = repeated(texts)
    sizes = repetition_key(texts)[mask].value_counts().to_numpy(float)
    return float(mask.mean()), float((sizes**2).sum()) / len(texts) ** 2
