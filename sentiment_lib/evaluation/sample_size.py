"""Sample sizes: labels that detect a gain at one look, and a loss in a sequential test."""

from __future__ import annotations

import math

from scipy.stats import norm

from sentiment_lib.statistics.anytime_valid import STAKES


def labels_needed(difference: float, row_deviation: float, *, level: float, power: float = 0.8) -> int | None:
    """Holdout rows with which a one-sided paired test at `level` detects a true `difference` with probability `power`.

    row_deviation: standard deviation of one row's influence (`paired_counts.row_deviation`). Normal approximation, as
    in Card et al. 2020, "With Little Power Comes Great Responsibility", EMNLP. None unless it is positive.
    """
    if difference <= 0:
        return None
    z_sum = float(norm.isf(level)) + float(norm.ppf(power))
    return max(math.ceil((z_sum * row_deviation / difference) ** 2), 2)


def detectable_loss(rows: int, row_deviation: float, *, level: float, power: float = 0.8) -> float:
    """The loss that a one-sided paired test at `level` rules out for equal models with probability `power`.

    The inverse of `labels_needed`.
    """
    return (float(norm.isf(level)) + float(norm.ppf(power))) * row_deviation / math.sqrt(rows)


def labels_to_rollback(loss: float, row_deviation: float, *, error_budget: float, power: float = 0.8) -> int | None:
    """Audit labels until the promotion watch rolls back a true `loss`, in this share of such promotions.

    Wealth of a test martingale grows by loss^2 / (2 deviation^2) a label, and must reach 1 / error_budget: an
    approximation for small losses (Waudby-Smith, Ramdas 2024, JRSS B 86). Averaging over stakes costs at most the
    logarithm of their number, and about half of it where several of them do well. None unless the loss is positive.
    """
    if loss <= 0:
        return None
    evidence = math.log(1 / error_budget) + math.log(STAKES.size) / 2
    boundary = math.sqrt(2 * evidence) + float(norm.ppf(power))
    return max(math.ceil((boundary * row_deviation / loss) ** 2), 2)


def detectable_shift(current: int, reference: int, *, level: float, power: float = 0.8, share: float = 0.5) -> float:
    """The change of a share that a two-sided test at `level` finds with probability `power`, between two windows.

    current, reference: tweets of each window, drawn independently; share: before the change, 0.5 being the least
    favourable. Normal approximation.
    """
    deviation = math.sqrt(share * (1 - share) * (1 / current + 1 / reference))
    return (float(norm.isf(level / 2)) + float(norm.ppf(power))) * deviation
