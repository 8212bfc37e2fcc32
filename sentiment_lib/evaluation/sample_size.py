"""How many labels a decision needs: what HOLD tells people to collect."""

from __future__ import annotations

import math

from scipy.stats import norm


def labels_needed(difference: float, row_deviation: float, *, level: float, power: float = 0.8) -> int | None:
    """Holdout rows for a one-sided paired test at `level` to find a true `difference` with chance `power`.

    Normal approximation, as in Card et al. 2020, "With Little Power Comes Great Responsibility", EMNLP. None when
    the difference is not positive: no number of labels shows a benefit that is not there.
    """
    if difference <= 0:
        return None
    effort = float(norm.isf(level)) + float(norm.ppf(power))
    return max(math.ceil((effort * row_deviation / difference) ** 2), 2)
