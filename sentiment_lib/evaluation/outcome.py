"""What followed a decision: the gain on labels that came after it, and what either choice costs.

The gain on later labels is out of sample for both versions. Costs use the prices of the policy: a model's cost is the
mean price of its errors, and the expected loss of a choice is the mean of the amount by which the other one would have
been cheaper (Berger 1985, "Statistical Decision Theory and Bayesian Analysis", section 4.4; normal approximation with a
flat prior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from scipy.stats import t as student

from sentiment_lib.evaluation.significance import bca_from_jackknife
from sentiment_lib.policy import PricePolicy
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints

#: Fewer labels, labels on which the versions differ, or negative labels than these give no estimate.
MIN_LABELS, MIN_DIFFERENT, MIN_NEGATIVE = 100, 10, 10
#: Costs are those of so many tweets.
TWEETS = 1000
ROUNDS, SEED = 4000, 20150216
#: One-sided level of the bounds: 95 % intervals.
LEVEL = 0.025
NEGATIVE = 0


@dataclass(frozen=True, kw_only=True)
class CostComparison:
    """Costs of TWEETS tweets in units of the price policy, with 95 % bounds."""

    #: candidate minus champion; below zero the candidate is cheaper
    difference: float
    low: float
    high: float
    #: expected loss of promoting the candidate, and of keeping the champion
    promoting: float
    waiting: float


@dataclass(frozen=True, kw_only=True)
class RealisedGain:
    """Candidate minus champion on labels that came after the decision; the estimates are None with too few labels."""

    metric: str
    labels: int
    #: of those, labels on which the versions differ
    different: int
    negatives: int
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    cost: CostComparison | None = None


def measure_realised_gain(
    labels: ArrayLike,
    champion: ArrayLike,
    candidate: ArrayLike,
    inclusion: ArrayLike,
    *,
    metric: str,
    prices: PricePolicy,
) -> RealisedGain:
    """Paired difference on labelled rows (n,), each weighted by the inverse of its inclusion probability (n,).

    labels, champion, candidate: classes (n,) in 0..2. BCa bootstrap over rows (Efron 1987), which count as independent.
    """
    y, old, new = (np.asarray(values, dtype=np.int64) for values in (labels, champion, candidate))
    different, negatives = int((old != new).sum()), int((y == NEGATIVE).sum())
    if y.size < MIN_LABELS or different < MIN_DIFFERENT or negatives < MIN_NEGATIVE:
        return RealisedGain(metric=metric, labels=int(y.size), different=different, negatives=negatives)
    weight = 1 / np.asarray(inclusion, dtype=np.float64)
    weight = weight / weight.mean()
    gain, low, high = _difference(y, old, new, weight, metric)
    return RealisedGain(
        metric=metric,
        labels=int(y.size),
        different=different,
        negatives=negatives,
        gain=gain,
        low=low,
        high=high,
        cost=compare_costs(y, old, new, weight, prices),
    )


def compare_costs(y: Ints, champion: Ints, candidate: Ints, weight: Floats, prices: PricePolicy) -> CostComparison:
    """Costs of both versions on labelled rows (n,) with these weights (n,), n at least 2."""
    price = np.zeros((CLASSES, CLASSES))
    price[NEGATIVE, :] = prices.missed_negative
    price[:, NEGATIVE] = prices.false_alarm
    np.fill_diagonal(price, 0.0)
    change = TWEETS * (price[y, candidate] - price[y, champion])
    share = weight / weight.sum()
    mean = float(share @ change)
    error = float(np.sqrt(((share * (change - mean)) ** 2).sum() * y.size / (y.size - 1)))
    half = float(student.isf(LEVEL, y.size - 1)) * error
    above = mean * float(norm.cdf(mean / error)) + error * float(norm.pdf(mean / error)) if error else max(mean, 0.0)
    return CostComparison(difference=mean, low=mean - half, high=mean + half, promoting=above, waiting=above - mean)


def rows_of_cells(cells: ArrayLike) -> tuple[Ints, Ints, Ints]:
    """Labels, champion's and candidate's predictions (n,) of counts (3, 3, 3)."""
    counts = np.asarray(cells, dtype=np.int64)
    rows = np.repeat(np.indices(counts.shape).reshape(3, -1), counts.reshape(-1), axis=1)
    return rows[0], rows[1], rows[2]


def _difference(y: Ints, old: Ints, new: Ints, weight: Floats, metric: str) -> tuple[float, float, float]:
    """The weighted difference of the metric and its bounds; rows of equal cell and weight are resampled together."""
    cell = (y * CLASSES + old) * CLASSES + new
    kinds, counts = np.unique(np.stack([cell.astype(np.float64), weight]), axis=1, return_counts=True)
    unit = np.zeros((counts.size, CLASSES**3))
    unit[np.arange(counts.size), kinds[0].astype(np.int64)] = kinds[1]
    whole = counts @ unit
    random = paired_counts.random_generator(SEED, "outcome")
    resampled = _cubes(random.multinomial(y.size, counts / y.size, size=ROUNDS) @ unit, metric)
    observed = float(_cubes(whole, metric))
    left_out = _cubes(whole[None, :] - unit, metric)
    low, high = bca_from_jackknife(observed, resampled, left_out, counts.astype(np.float64), LEVEL)
    # the bootstrap is too narrow with few rows that differ: widen it as Student's distribution widens a normal one
    different = int((old != new).sum())
    wider = float(student.isf(LEVEL, different - 1) / norm.isf(LEVEL)) * np.sqrt(different / (different - 1))
    return observed, observed - wider * (observed - low), observed + wider * (high - observed)


def _cubes(flat: NDArray[np.float64], metric: str) -> Floats:
    return paired_counts.difference(flat.reshape(*flat.shape[:-1], CLASSES, CLASSES, CLASSES), metric)
