"""What undisturbed windows look like: tweets differ from day to day without drift, and a check must know by how much.

Two random halves of one day never differ as much as two days do. The effects of past windows that nobody found wanting
give each signal a floor that a new window passes with the stated chance only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

#: Fewer undisturbed windows than this say too little about the range.
FEWEST = 5


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Effects of each signal in undisturbed windows."""

    effects: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def windows(self) -> int:
        """Number of undisturbed windows."""
        return max((len(one) for one in self.effects.values()), default=0)

    def floor(self, signal: str, false_alarm_rate: float) -> float:
        """Effect that one more undisturbed window reaches with less than the false-alarm rate over all signals.

        A one-sided prediction bound (Student) with the rate divided by the number of signals; 0 with too few windows.
        """
        past = np.asarray(self.effects.get(signal, ()), dtype=float)
        if len(past) < FEWEST:
            return 0.0
        rate = false_alarm_rate / max(1, len(self.effects))
        spread = float(past.std(ddof=1)) * float(np.sqrt(1 + 1 / len(past)))
        return float(past.mean() + stats.t.ppf(1 - rate, len(past) - 1) * spread)


def calibrate(windows: Sequence[Sequence[Mapping[str, object]]]) -> Calibration:
    """Calibration from the stored signals (`signal`, `effect`) of undisturbed checks."""
    effects: dict[str, list[float]] = {}
    for window in windows:
        for one in window:
            effects.setdefault(str(one["signal"]), []).append(float(str(one["effect"])))
    return Calibration(effects=effects)
