"""Tests that stay correct however often they are looked at: a betting e-process and a confidence sequence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sentiment_lib.statistics.metrics import Floats

#: Shares of the wealth that are staked side by side; small ones find small gains, large ones large gains soon.
STAKES: Floats = np.geomspace(0.005, 0.9, 28)


@dataclass(frozen=True)
class EProcess:
    """Evidence against "the mean of values in [-1, 1] is at most zero".

    Wealth of a bettor who stakes the share s on every value, averaged over STAKES: a test martingale under the
    null, so the chance to ever reach 1/a is at most a (Ville 1939). Waudby-Smith, Ramdas 2024, "Estimating means of
    bounded random variables by betting", JRSS B 86 (1); e-values: Grunwald, de Heide, Koolen 2024, "Safe testing".
    """

    #: logarithm of the wealth of each stake (28,)
    log_wealth: tuple[float, ...] = (0.0,) * len(STAKES)
    values: int = 0

    def after(self, values: Floats) -> EProcess:
        """The process after these values (n,), each in [-1, 1], in the order in which they came."""
        _bounded(values)
        grown = np.asarray(self.log_wealth) + np.log1p(np.multiply.outer(values, STAKES)).sum(axis=0)
        return replace(self, log_wealth=tuple(grown.tolist()), values=self.values + int(values.size))

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the e-value now."""
        wealth = np.asarray(self.log_wealth)
        top = float(wealth.max())
        return top + float(np.log(np.exp(wealth - top).mean()))


def log_evidence_path(values: Floats) -> Floats:
    """Natural logarithm of the e-value after each of the values (n,), each in [-1, 1]."""
    _bounded(values)
    wealth = np.cumsum(np.log1p(np.multiply.outer(values, STAKES)), axis=0)
    top = wealth.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(wealth - top).mean(axis=1)))


def first_crossing(values: Floats, level: float) -> int | None:
    """After how many values the evidence first reaches 1 / level; None when it never does."""
    reached = np.flatnonzero(log_evidence_path(values) >= -np.log(level))
    return int(reached[0]) + 1 if reached.size else None


def confidence_sequence(values: Floats, level: float) -> tuple[Floats, Floats]:
    """Bounds (n,), (n,) that hold the mean of values in [-1, 1] at all times at once with chance 1 - level.

    Predictable plug-in empirical Bernstein: Waudby-Smith, Ramdas 2024, theorem 2; running intersection.
    """
    _bounded(values)
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


def _bounded(values: Floats) -> None:
    if values.size and float(np.abs(values).max()) > 1 + 1e-9:
        raise ValueError("values must lie in [-1, 1]")
