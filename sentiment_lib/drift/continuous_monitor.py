"""Continuous monitoring: one false-alarm bound for an unlimited sequence of drift checks.

A conformal test martingale (Vovk, Nouretdinov, Gammerman 2003, "Testing Exchangeability On-Line", ICML) in a
Shiryaev-Roberts e-detector (`anytime_valid.EDetector`). Without drift the scores of windows are exchangeable, so their
smoothed ranks are independent and uniform, and every bet on a rank has mean one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sentiment_lib.drift.signals import OF_PREDICTIONS
from sentiment_lib.statistics.anytime_valid import EDetector

#: Betting exponents: a bet k * p ** (k - 1) has mean one for uniform p; the mixture has power against weak and strong
#: changes.
BETS = (0.1, 0.25, 0.5, 0.75)


@dataclass(frozen=True, kw_only=True)
class ContinuousMonitor:
    """State after some windows. The mean number of windows to a false alarm is at least the detector's run length."""

    detector: EDetector
    seed: int = 0
    #: scores of the windows without an alarm
    scores: tuple[float, ...] = field(default=(), repr=False)

    @property
    def value(self) -> float:
        """Evidence of a change; it is compared with the run length."""
        return self.detector.statistic

    @property
    def alarm(self) -> bool:
        """Whether the last window raised an alarm."""
        return self.detector.alarm

    def update(self, score: float) -> ContinuousMonitor:
        """State after one more window; larger scores are more extreme. After an alarm the evidence restarts at 0."""
        tie_break = np.random.default_rng([self.seed, len(self.scores)]).uniform()
        above = sum(earlier > score for earlier in self.scores)
        equal = sum(earlier == score for earlier in self.scores) + 1
        rank = (above + tie_break * equal) / (len(self.scores) + 1)
        e_value = np.mean([bet * max(rank, 1e-12) ** (bet - 1) for bet in BETS], keepdims=True)
        detector = (self.detector.restart() if self.detector.alarm else self.detector).update(e_value)
        # a window that raised an alarm does not enter the reference scores
        return replace(self, detector=detector, scores=self.scores if detector.alarm else (*self.scores, score))


def monitor_scores(scores: Iterable[float], *, run_length: float, seed: int = 0) -> ContinuousMonitor:
    """State after all scores, oldest first; run_length: lower bound on the mean number of windows to a false alarm."""
    state = ContinuousMonitor(detector=EDetector(run_length=run_length), seed=seed)
    for score in scores:
        state = state.update(score)
    return state


@dataclass(frozen=True, kw_only=True)
class MonitoredWindow:
    """Signals of a counted check, and the model version whose predictions it compared."""

    version: int
    signals: Sequence[Mapping[str, object]] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class PairOfMonitors:
    """One monitor of the tweets, which continues over a change of champion, and one of a version's predictions.

    Each has twice the run length: the mean of two e-detectors is one, so the mean number of windows until either
    alarms is at least the run length.
    """

    tweets: ContinuousMonitor
    predictions: ContinuousMonitor

    @property
    def alarm(self) -> bool:
        """Whether the last window raised an alarm of either."""
        return self.tweets.alarm or self.predictions.alarm


def monitor_windows(
    windows: Sequence[MonitoredWindow], *, version: int, run_length: float, seed: int = 0
) -> PairOfMonitors:
    """State after all windows, oldest first, for a champion of this version."""
    tweets = [_of_group(window.signals, predictions=False) for window in windows]
    predictions = [_of_group(window.signals, predictions=True) for window in windows if window.version == version]
    return PairOfMonitors(
        tweets=monitor_scores(map(score_window, filter(None, tweets)), run_length=2 * run_length, seed=seed),
        predictions=monitor_scores(map(score_window, filter(None, predictions)), run_length=2 * run_length, seed=seed),
    )


def score_window(signals: Sequence[Mapping[str, object]]) -> float:
    """Nonconformity score of a window: the largest -log10 of its tests' p-values, 0 without signals.

    Keys: p_sampling (or p_value), which past windows do not enter, so that scores are exchangeable without drift.
    """
    p_values = (float(str(signal.get("p_sampling", signal["p_value"]))) for signal in signals)
    return max((-math.log10(max(p_value, 1e-300)) for p_value in p_values), default=0.0)


def _of_group(signals: Sequence[Mapping[str, object]], *, predictions: bool) -> list[Mapping[str, object]]:
    """The signals of predictions, or the others; a window without any is not counted."""
    return [signal for signal in signals if (signal["signal"] in OF_PREDICTIONS) == predictions]
