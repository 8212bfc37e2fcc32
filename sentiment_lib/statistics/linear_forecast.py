"""A forecast of what a period will have used at its end: its remaining days are like the days before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.stats import t


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The use at the end, with the bounds of its 95 % prediction interval; None with fewer than three days."""

    value: float
    low: float | None
    high: float | None
    #: mean of a day
    daily: float
    #: days that it rests on
    days: int


def forecast(used: float, daily: Sequence[float], days_left: float) -> Forecast | None:
    """`used` so far, and the mean day for each of the days left; None without a day.

    The interval takes days as independent and normal: the remaining sum varies by s² r and its mean by s² r² / n (the
    prediction interval of a sum, e.g. Hyndman, Athanasopoulos 2021, "Forecasting: Principles and Practice", 5.5).
    """
    if not daily:
        return None
    mean, count = fmean(daily), len(daily)
    value, low, high = used + mean * days_left, None, None
    if count > 2:
        spread = stdev(daily) * math.sqrt(days_left + days_left**2 / count) * float(t.ppf(0.975, count - 1))
        low, high = max(used, value - spread), value + spread
    return Forecast(value=value, low=low, high=high, daily=mean, days=count)
