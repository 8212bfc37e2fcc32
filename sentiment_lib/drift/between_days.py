"""Variation between days: how much more a signal differs between past windows than samples of one day would.

Tweets vary from day to day without drift. The overdispersion of each signal is estimated from the tests of past
windows and enters the test of the next one; while these are few, together with a prior from published tweets. Windows
with detected drift are included, since leaving them out would bias the estimate downwards (selection by the test
itself), except for those that a person or labels confirmed. Large statistics are limited and far ones left out, so that
days that really drifted do not hide the next drift. What a person called a false alarm, and what did not hurt, raises
the effect floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from sentiment_lib.drift.signals import OF_PREDICTIONS
from sentiment_lib.statistics.metrics import Floats

#: Past windows from which on the prior is without weight, and windows that it counts as before the first.
LEARNED, PRIOR_WINDOWS = 14, 10
#: Prior variance between days per row, relative to that within a day: a share of one half then moves by 5 points, or 3,
#: from day to day. Medians over days of the airline week and of Sentiment140: predictions 0.002 to 0.02 (negative share
#: 0.009 and 0.02), other signals -0.002 to 0.005; shares of the airlines cannot be told from how they were collected.
PRIOR_OF_PREDICTIONS, PRIOR = 0.01, 0.003
WITH_LARGE_PRIOR = (*OF_PREDICTIONS, "airline")
#: Squared statistics above LIMIT times the robust scale, and above the quantile LIMIT_QUANTILE, count as that limit.
LIMIT, LIMIT_QUANTILE = 6.25, 0.9
#: Those above FAR times the robust scale are left out, while they are at most MOST_FAR of all.
FAR, MOST_FAR = 16.0, 0.25
#: Median of the chi-square distribution with one degree of freedom.
MEDIAN = 0.4549
#: A single answer "false alarm" raises an effect floor at most by this factor.
ONE_ANSWER = 2.0


@dataclass(frozen=True, kw_only=True)
class PastWindow:
    """Signals of an earlier check (keys signal, effect, drifted, p_sampling or p_value, rows)."""

    signals: tuple[Mapping[str, Any], ...] = field(repr=False)
    #: later labels showed no loss of quality
    harmless: bool = False
    #: id of the alert that a person answered as a false alarm; several windows may share it
    answer: int | None = None
    #: a person called its alarm real, or later labels showed a loss
    confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class SignalHistory:
    """Statistics of one signal in past windows."""

    #: squared standard normal deviate of each window's test, (k,), and its effective number of rows, (k,)
    squares: Floats = field(repr=False)
    rows: Floats = field(repr=False)
    #: prior variance between days per row; None: no prior
    prior: float | None = None
    #: largest effect that raised an alarm without harm, as labels show; 0 without one
    harmless: float = 0.0
    #: largest effects of the alarms that people answered as false, one for each answer
    answered: tuple[float, ...] = ()

    def corrected(self, p_value: float, rows: float) -> float:
        """P-value of a test on so many effective rows, with the variance between days in it.

        The variance of the statistic is 1 + rows * t, where t is estimated from the past windows (Williams 1982,
        "Extra-binomial variation in logistic linear models", Applied Statistics 31 (2)) and shrunk towards the prior;
        the reference distribution is Student's with as many degrees of freedom as past windows, and the prior's.
        """
        if p_value >= 1:
            return p_value
        kept = without_far(self.squares)
        count, of_prior = len(kept), self.prior_windows
        between = 0.0
        if count:
            limited = np.minimum(kept, _limit(kept))
            between = rows * float(np.mean(limited - 1) / np.mean(np.where(np.isnan(self.rows), rows, self.rows)))
        if of_prior and self.prior is not None:
            between = (count * max(between, 0.0) + of_prior * rows * self.prior) / (count + of_prior)
        if between <= 0:
            return p_value
        corrected = 2 * stats.t.sf(np.sqrt(deviate_squared(p_value) / (1 + between)), count + of_prior)
        return max(p_value, float(corrected))

    @property
    def prior_windows(self) -> float:
        """Windows that the prior counts as."""
        if self.prior is None:
            return 0.0
        return PRIOR_WINDOWS * max(0.0, 1 - len(self.squares) / LEARNED)

    def floor(self, least: float) -> float:
        """Effect that a drift must reach: what labels, two answers, or within bounds one, called harmless.

        least: the floor without a history.
        """
        first, second = (*sorted(self.answered, reverse=True)[:2], 0.0, 0.0)[:2]
        return max(least, self.harmless, second, min(first, ONE_ANSWER * least))


@dataclass(frozen=True, kw_only=True)
class BetweenDays:
    """Histories by signal."""

    histories: Mapping[str, SignalHistory] = field(default_factory=dict)
    #: whether signals without a history have a prior
    with_prior: bool = False

    @property
    def windows(self) -> int:
        """Number of past windows."""
        return max((len(history.squares) for history in self.histories.values()), default=0)

    @property
    def is_learning(self) -> bool:
        """Whether the prior still has weight."""
        return self.with_prior and self.windows < LEARNED

    def corrected(self, signal: str, p_value: float, rows: float) -> float:
        """See `SignalHistory.corrected`."""
        return self._of(signal).corrected(p_value, rows)

    def floor(self, signal: str, least: float) -> float:
        """See `SignalHistory.floor`."""
        return self._of(signal).floor(least)

    def _of(self, signal: str) -> SignalHistory:
        none = SignalHistory(squares=np.zeros(0), rows=np.zeros(0), prior=_prior(signal) if self.with_prior else None)
        return self.histories.get(signal, none)


def collect_histories(windows: Iterable[PastWindow]) -> BetweenDays:
    """Histories from past checks that do not overlap, with a prior."""
    found: dict[str, list[tuple[float, float]]] = {}
    harmless: dict[str, float] = {}
    answered: dict[str, dict[int, float]] = {}
    for window in windows:
        for signal in window.signals:
            name, effect = str(signal["signal"]), float(signal["effect"])
            if window.harmless and signal.get("drifted"):
                harmless[name] = max(effect, harmless.get(name, 0.0))
            if window.answer is not None and signal.get("drifted"):
                of_answers = answered.setdefault(name, {})
                of_answers[window.answer] = max(effect, of_answers.get(window.answer, 0.0))
            if not window.confirmed:
                p_value = float(signal.get("p_sampling", signal["p_value"]))
                found.setdefault(name, []).append((deviate_squared(p_value), float(signal.get("rows") or np.nan)))
    histories = {}
    for name in found.keys() | harmless.keys() | answered.keys():
        squares, rows = np.array(found.get(name, []), dtype=float).reshape(-1, 2).T
        histories[name] = SignalHistory(
            squares=squares,
            rows=rows,
            prior=_prior(name),
            harmless=harmless.get(name, 0.0),
            answered=tuple(answered.get(name, {}).values()),
        )
    return BetweenDays(histories=histories, with_prior=True)


def deviate_squared(p_value: float) -> float:
    """Square of the standard normal deviate with this two-sided p-value."""
    return float(stats.norm.isf(min(max(p_value, 1e-300), 1.0) / 2) ** 2)


def without_far(squares: Floats) -> Floats:
    """Squared statistics (k,) without those of days that stand apart, which are at most MOST_FAR of all.

    When more are far, that is how the stream varies, and none is left out.
    """
    kept = squares
    while kept.size:
        near = squares[squares <= FAR * _scale(kept)]
        if near.size < (1 - MOST_FAR) * squares.size:
            return squares
        if near.size == kept.size:
            break
        kept = near
    return kept


def _scale(squares: Floats) -> float:
    return max(1.0, float(np.median(squares)) / MEDIAN)


def _limit(squares: Floats) -> float:
    return max(LIMIT * _scale(squares), float(np.quantile(squares, LIMIT_QUANTILE, method="lower")))


def _prior(signal: str) -> float:
    return PRIOR_OF_PREDICTIONS if signal in WITH_LARGE_PRIOR else PRIOR
