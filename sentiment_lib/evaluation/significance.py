"""Interval and p-value of a paired difference of two models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm

from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.metrics import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Candidate minus champion for one metric, with one-sided bounds at `level` each."""

    metric: str
    difference: float
    low: float
    high: float
    #: significance level: probability that a bound lies on the wrong side
    level: float
    #: one-sided, against "the candidate is no better", where a margin is given against "worse by the margin"; None
    #: where no test was made
    p_value: float | None
    #: standard deviation of one row's influence; the standard error is this over the square root of the rows. Of a
    #: guard that was tested against a margin, that under such a loss where it is larger
    row_deviation: float
    #: of a guard metric: the loss that the test is about, where it is not `policy.non_inferiority`
    margin: float | None = None


def bca_bounds(observed: float, resampled: Floats, counts: Ints, metric: str, level: float) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap bounds, each one-sided at `level`.

    observed: the difference; resampled: bootstrap differences (rounds,); counts: (3, 3, 3).
    Efron 1987, "Better Bootstrap Confidence Intervals", JASA 82 (397).
    """
    if resampled.min() == resampled.max():
        return float(resampled.min()), float(resampled.max())
    return bca_from_jackknife(observed, resampled, *paired_counts.leave_one_out(counts, metric), level)


def bca_from_jackknife(
    observed: float, resampled: Floats, values: Floats, weights: Floats, level: float
) -> tuple[float, float]:
    """BCa bounds from the values (k,) that leave out one row, and the number of rows (k,) that give each of them."""
    ordered = np.sort(resampled)
    below = ((ordered < observed).sum() + 0.5 * (ordered == observed).sum()) / ordered.size
    bias = float(norm.ppf(min(max(below, 0.5 / ordered.size), 1 - 0.5 / ordered.size)))
    influence = (values * weights).sum() / weights.sum() - values
    spread = float((weights * influence**2).sum())
    acceleration = float((weights * influence**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    bounds = []
    for quantile in (level, 1 - level):
        shifted = bias + float(norm.ppf(quantile))
        adjusted = float(norm.cdf(bias + shifted / (1 - acceleration * shifted)))
        bounds.append(float(np.quantile(ordered, adjusted)))
    return bounds[0], bounds[1]


def permutation_p_value(
    counts: Ints, metric: str, *, rounds: int, rng: np.random.Generator, margin: float = 0.0
) -> float:
    """One-sided p-value of the difference when the two models are exchangeable; counts: (3, 3, 3).

    With a margin, the same distribution shifted by it, as method 3 judged a refresh: too narrow where the models differ
    on few rows (`margin_test`).

    Paired approximate randomisation: Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses"; for F1: Yeh
    2000, "More accurate tests for the statistical significance of result differences", COLING. With fewer than ten
    rounds that reach the difference, the normal tail of the same distribution is used, at most 10 / rounds.
    """
    observed = float(paired_counts.difference(counts, metric)) + margin
    null = paired_counts.difference(paired_counts.permute_models(counts, rounds, rng), metric)
    reached = int((null >= observed - 1e-12).sum())
    if reached >= 10:
        return (1 + reached) / (1 + rounds)
    spread = float(null.std())
    tail = float(norm.sf((observed - float(null.mean())) / spread)) if spread > 0 else 1.0
    return min(max(tail, 1e-300), 10 / rounds)


def mcnemar(counts: Ints) -> dict[str, float | int]:
    """Exact two-sided McNemar test on the rows that only one model got right; counts: (3, 3, 3).

    McNemar 1947, Psychometrika 12; exact form: Dietterich 1998, Neural Computation 10 (7).
    """
    only_candidate = only_champion = 0
    for label in range(counts.shape[0]):
        right = int(counts[label, label, label])
        only_champion += int(counts[label, label, :].sum()) - right
        only_candidate += int(counts[label, :, label].sum()) - right
    discordant = only_candidate + only_champion
    p_value = float(binomtest(only_candidate, discordant, 0.5).pvalue) if discordant else 1.0
    return {"only_candidate_right": only_candidate, "only_champion_right": only_champion, "p_value": p_value}


def estimate_difference(
    counts: Ints,
    metric: str,
    *,
    resampled: Ints,
    level: float,
    test_rounds: int = 0,
    rng: np.random.Generator | None = None,
    margin: float = 0.0,
) -> Difference:
    """Difference on counts (3, 3, 3) with BCa bounds from bootstrap counts `resampled` (rounds, 3, 3, 3).

    `test_rounds` above 0 add the permutation test, shifted by `margin`, which needs `rng`.
    """
    observed = float(paired_counts.difference(counts, metric))
    low, high = bca_bounds(observed, paired_counts.difference(resampled, metric), counts, metric, level)
    p_value = None
    if test_rounds and rng:
        p_value = permutation_p_value(counts, metric, rounds=test_rounds, rng=rng, margin=margin)
    return Difference(
        metric=metric,
        difference=observed,
        low=low,
        high=high,
        level=level,
        p_value=p_value,
        row_deviation=paired_counts.row_deviation(counts, metric),
    )
