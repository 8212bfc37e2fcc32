"""Variation between days: how much more a signal differs between past windows than samples of one day would.

Tweets vary from day to day without drift. The overdispersion of each signal is estimated from the tests of past
windows and enters the test of the next one. Windows with detected drift are included, since leaving them out would bias
the estimate downwards (selection by the test itself); large statistics are limited, so that a few days that really
drifted do not hide the next drift. What a person called a false alarm, and what did not hurt, raises the effect floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from sentiment_lib.statistics.metrics import Floats

#: Minimum number of past windows for an estimate.
MIN_WINDOWS = 5
#: Squared statistics above LIMIT times the robust scale, and above the quantile LIMIT_QUANTILE, count as that limit.
LIMIT, LIMIT_QUANTILE = 6.25, 0.9
#: Median of the chi-square distribution with one degree of freedom.
MEDIAN = 0.4549


@dataclass(frozen=True, kw_only=True)
class PastWindow:
    """Signals of an earlier check (keys signal, effect, drifted, p_sampling or p_value, rows)."""

    signals: tuple[Mapping[str, Any], ...] = field(repr=False)
    #: its alarm was answered as false, or later labels showed no loss of quality
    harmless: bool = False


@dataclass(frozen=True, kw_only=True)
class SignalHistory:
    """Statistics of one signal in past windows."""

    #: squared standard normal deviate of each window's test, (k,), and its effective number of rows, (k,)
    squares: Floats = field(repr=False)
    rows: Floats = field(repr=False)
    #: largest effect that raised an alarm without harm; 0 without one
    floor: float = 0.0

    def corrected(self, p_value: float, rows: float) -> float:
        """P-value of a test on so many effective rows, with the variance between days in it.

        The variance of the statistic is 1 + rows * t, where t is estimated from the past windows (Williams 1982,
        "Extra-binomial variation in logistic linear models", Applied Statistics 31 (2)); the reference distribution is
        Student's with as many degrees of freedom as past windows.
        """
        count = len(self.squares)
        if count < MIN_WINDOWS or p_value >= 1:
            return p_value
        limited = np.minimum(self.squares, _limit(self.squares))
        between = rows * float(np.mean(limited - 1) / np.mean(np.where(np.isnan(self.rows), rows, self.rows)))
        if between <= 0:
            return p_value
        corrected = 2 * stats.t.sf(np.sqrt(deviate_squared(p_value) / (1 + between)), count)
        return max(p_value, float(corrected))


@dataclass(frozen=True, kw_only=True)
class BetweenDays:
    """Histories by signal."""

    histories: Mapping[str, SignalHistory] = field(default_factory=dict)

    @property
    def windows(self) -> int:
        """Number of past windows."""
        return max((len(history.squares) for history in self.histories.values()), default=0)

    def corrected(self, signal: str, p_value: float, rows: float) -> float:
        """See `SignalHistory.corrected`; the p-value itself without a history."""
        history = self.histories.get(signal)
        return history.corrected(p_value, rows) if history else p_value

    def floor(self, signal: str) -> float:
        """Largest effect that raised an alarm without harm; 0 without one."""
        history = self.histories.get(signal)
        return history.floor if history else 0.0


def collect_histories(windows: Iterable[PastWindow]) -> BetweenDays:
    """Histories from past checks that do not overlap."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for window in windows:
        for signal in window.signals:
            p_value = float(signal.get("p_sampling", signal["p_value"]))
            rows = float(signal.get("rows") or np.nan)
            floor = float(signal["effect"]) if window.harmless and signal.get("drifted") else 0.0
            found.setdefault(str(signal["signal"]), []).append((deviate_squared(p_value), rows, floor))
    histories = {}
    for name, values in found.items():
        squares, rows_of_each, floors = np.array(values, dtype=float).T
        histories[name] = SignalHistory(squares=squares, rows=rows_of_each, floor=float(floors.max()))
    return BetweenDays(histories=histories)


def deviate_squared(p_value: float) -> float:
    """Square of the standard normal deviate with this two-sided p-value."""
    return float(stats.norm.isf(min(max(p_value, 1e-300), 1.0) / 2) ** 2)


def _limit(squares: Floats) -> float:
    scale = max(1.0, float(np.median(squares)) / MEDIAN)
    return max(LIMIT * scale, float(np.quantile(squares, LIMIT_QUANTILE, method="lower")))
