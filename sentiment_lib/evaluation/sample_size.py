"""Sample size of a paired comparison: how many labels detect a gain of a given size."""

from __future__ import annotations

import math

from scipy.stats import norm


def labels_needed(difference: float, row_deviation: float, *, level: float, power: float = 0.8) -> int | None:
    """Holdout rows with which a one-sided paired test at `level` detects a true `difference` with probability `power`.

    row_deviation: standard deviation of one row's influence (`paired_counts.row_deviation`). Normal approximation, as
    in Card et al. 2020, "With Little Power Comes Great Responsibility", EMNLP. None unless it is positive.
    """
    if difference <= 0:
        return None
    z_sum = float(norm.isf(level)) + float(norm.ppf(power))
    return max(math.ceil((z_sum * row_deviation / difference) ** 2), 2)
