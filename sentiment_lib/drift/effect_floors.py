"""Effect floors: each signal's normal effect between windows without drift.

Tweets vary from day to day without drift, by more than two random halves of one day. The effects of past windows give
each signal a floor that a further normal window exceeds only with the stated probability. Windows with detected drift
are included, since leaving them out would bias the floor downwards (selection by the test itself); winsorising limits
the influence of those that really drifted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

#: Minimum number of past windows for a floor.
MIN_WINDOWS = 5
#: From this many windows on, effects above the quantile LIMIT count as that quantile (winsorised).
LIMITED_FROM, LIMIT = 20, 0.9


@dataclass(frozen=True, kw_only=True)
class EffectFloors:
    """Effects of each signal in past windows."""

    effects: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def windows(self) -> int:
        """Number of past windows."""
        return max((len(values) for values in self.effects.values()), default=0)

    def floor(self, signal: str, false_alarm_rate: float) -> float:
        """Effect that another window exceeds with less than the false-alarm rate over all signals.

        One-sided prediction bound of a normal sample (Student), at the rate divided by the number of signals; 0 with
        fewer than MIN_WINDOWS windows.
        """
        past = np.asarray(self.effects.get(signal, ()), dtype=float)
        if len(past) < MIN_WINDOWS:
            return 0.0
        if len(past) >= LIMITED_FROM:
            past = np.minimum(past, np.quantile(past, LIMIT))
        rate = false_alarm_rate / max(1, len(self.effects))
        spread = float(past.std(ddof=1)) * float(np.sqrt(1 + 1 / len(past)))
        return float(past.mean() + stats.t.ppf(1 - rate, len(past) - 1) * spread)


def collect_floors(windows: Sequence[Sequence[Mapping[str, object]]]) -> EffectFloors:
    """Floors from the stored signals (keys `signal`, `effect`) of past checks."""
    effects: dict[str, list[float]] = {}
    for window in windows:
        for signal in window:
            effects.setdefault(str(signal["signal"]), []).append(float(str(signal["effect"])))
    return EffectFloors(effects=effects)
