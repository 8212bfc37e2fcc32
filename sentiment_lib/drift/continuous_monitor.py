"""Continuous watching: one alarm bound for a whole run of checks, however often one looks.

A conformal test martingale (Vovk, Nouretdinov, Gammerman 2003) run as a Shiryaev-Roberts e-detector (Shin, Ramdas,
Rinaldo 2022): without drift the scores of windows are exchangeable, their smoothed ranks are independent and uniform,
each bet on a rank has mean one, and so the mean number of windows until a false alarm is at least `run_length`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

#: A bet k * p ** (k - 1) has mean one for uniform p; the mean over these wins for weak and for strong change.
BETS = (0.1, 0.25, 0.5, 0.75)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """State after some windows; `alarm` tells of the last one. Scores of windows before an alarm stay the history."""

    run_length: float
    seed: int = 0
    scores: tuple[float, ...] = field(default=(), repr=False)
    value: float = 0.0
    alarm: bool = False

    def update(self, score: float) -> Watch:
        """State after one more window; larger scores are stranger. After an alarm the value starts again at 0."""
        tie = np.random.default_rng([self.seed, len(self.scores)]).uniform()
        above = sum(one > score for one in self.scores)
        equal = sum(one == score for one in self.scores) + 1
        rank = (above + tie * equal) / (len(self.scores) + 1)
        gain = float(np.mean([bet * max(rank, 1e-12) ** (bet - 1) for bet in BETS]))
        value = ((0.0 if self.alarm else self.value) + 1) * gain
        return Watch(
            run_length=self.run_length,
            seed=self.seed,
            # what alarmed is no part of the undisturbed history
            scores=self.scores if value >= self.run_length else (*self.scores, score),
            value=value,
            alarm=value >= self.run_length,
        )


def watch(scores: Iterable[float], *, run_length: float, seed: int = 0) -> Watch:
    """State after all of the scores, oldest first."""
    state = Watch(run_length=run_length, seed=seed)
    for score in scores:
        state = state.update(score)
    return state


def score(signals: Sequence[Mapping[str, object]]) -> float:
    """How strange a window is: the largest -log10 of its signals' p-values."""
    return max((-math.log10(max(float(str(one["p_value"])), 1e-300)) for one in signals), default=0.0)
