"""Anytime-valid inference: e-processes, confidence sequences and e-detectors, valid at every stopping time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sentiment_lib.statistics.metrics import Floats

#: Betting fractions that are averaged: small ones detect small effects, large ones detect large effects sooner.
STAKES: Floats = np.geomspace(0.005, 0.9, 28)


def log_evidence_path(values: Floats) -> Floats:
    """Natural logarithm of the e-value (n,) after each value, against "the mean is at most zero".

    values: (n,), each in [-1, 1], in order of arrival. The e-value is the wealth of a bettor who stakes a fixed
    fraction on every value, averaged over STAKES: a test martingale under the null, so its chance of ever reaching 1/a
    is at most a (Ville 1939). Raises ValueError for values outside [-1, 1].

    Waudby-Smith, Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86 (1); e-values:
    Grunwald, de Heide, Koolen 2024, "Safe testing", JRSS B 86 (5).
    """
    _require_bounded(values)
    wealth = np.cumsum(np.log1p(np.multiply.outer(values, STAKES)), axis=0)
    top = wealth.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(wealth - top).mean(axis=1)))


def confidence_sequence(values: Floats, level: float) -> tuple[Floats, Floats]:
    """Lower and upper bounds (n,) that simultaneously contain the mean with probability 1 - level.

    values: (n,), each in [-1, 1], in order of arrival. Predictable plug-in empirical Bernstein bounds, intersected over
    time: Waudby-Smith, Ramdas 2024, JRSS B 86 (1), theorem 2. Raises ValueError for values outside [-1, 1].
    """
    _require_bounded(values)
    unit = (np.asarray(values, dtype=np.float64) + 1) / 2
    count = np.arange(1, unit.size + 1)
    mean = (0.5 + np.cumsum(unit)) / (count + 1)
    variance = (0.25 + np.cumsum((unit - mean) ** 2)) / (count + 1)
    mean_before = np.concatenate(([0.5], mean[:-1]))
    variance_before = np.concatenate(([0.25], variance[:-1]))
    log_level = np.log(2 / level)
    stake = np.minimum(np.sqrt(2 * log_level / (variance_before * count * np.log(1 + count))), 0.5)
    squared = 4 * (unit - mean_before) ** 2
    penalty = np.cumsum(squared * (-np.log1p(-stake) - stake) / 4)
    centre = np.cumsum(stake * unit) / np.cumsum(stake)
    width = (log_level + penalty) / np.cumsum(stake)
    low = np.maximum.accumulate(np.maximum(centre - width, 0))
    high = np.minimum.accumulate(np.minimum(centre + width, 1))
    return 2 * low - 1, 2 * high - 1


@dataclass(frozen=True, kw_only=True)
class EDetector:
    """Shiryaev-Roberts e-detector of a change: the mean time to a false alarm is at least `run_length` observations.

    Each observation contributes one e-value per bet, with mean at most 1 before the change. A late change is detected
    as fast as an early one. Shin, Ramdas, Rinaldo 2024, "E-detectors: a nonparametric framework for
    sequential change detection", New England Journal of Statistics in Data Science 2 (2).
    """

    run_length: float
    #: the statistic of each bet; empty before the first observation
    by_bet: tuple[float, ...] = ()

    @property
    def statistic(self) -> float:
        """Mean over the bets."""
        return float(np.mean(self.by_bet)) if self.by_bet else 0.0

    @property
    def alarm(self) -> bool:
        """Whether the statistic has reached the run length."""
        return self.statistic >= self.run_length

    def update(self, e_values: Floats) -> EDetector:
        """State after one more observation; e_values: (bets,), not negative."""
        before = np.asarray(self.by_bet) if self.by_bet else np.zeros(len(e_values))
        return replace(self, by_bet=tuple(((before + 1) * e_values).tolist()))

    def restart(self) -> EDetector:
        """State before the first observation."""
        return replace(self, by_bet=())


def e_detector_path(e_values: Floats) -> Floats:
    """Statistic (n,) of an `EDetector` after each observation; e_values: (n, bets), not negative."""
    states, before = np.empty_like(e_values), np.zeros(e_values.shape[1])
    for state, values in zip(states, e_values, strict=True):
        np.multiply(before + 1, values, out=state)
        before = state
    return np.asarray(states.mean(axis=1))


def _require_bounded(values: Floats) -> None:
    if values.size and float(np.abs(values).max()) > 1 + 1e-9:
        raise ValueError("values must lie in [-1, 1]")
