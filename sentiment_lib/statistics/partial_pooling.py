"""Estimates of many days from few labels each: partial pooling, with one band that holds for all days at once.

Normal hierarchical model on the log-odds scale: days vary about a common level with an unknown spread, integrated over
a grid (Rubin 1981, Journal of Educational Statistics 6 (4); Gelman et al. 2013, "Bayesian Data Analysis", section 5.4).
The simultaneous band is the smallest multiple of each day's posterior deviation that contains all days in 95 % of the
joint draws (Ruppert, Wand, Carroll 2003, "Semiparametric Regression", section 6.5).

Pooling moves a day by a standard error of its own at the most (limited translation: Efron, Morris 1972, JASA 67 (337)),
and where it would move it further, the day's interval contains the pooled one and the one from its labels alone: a day
that stands out is what people look for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.statistics.metrics import Floats

#: Fewer days than this are not pooled: nothing tells their spread.
MIN_DAYS = 4
#: Standard errors of a day's own estimate by which pooling moves it at the most.
FURTHEST = 1.0
_DRAWS, _GRID = 2000, 60
_NORMAL_QUANTILE = 1.959964


@dataclass(frozen=True, kw_only=True)
class PooledDays:
    """Pooled estimates (d,), each with the bounds of its own 95 % interval, and of the band over all d days."""

    values: Floats
    low: Floats
    high: Floats
    band_low: Floats
    band_high: Floats


def pool_days(values: Floats, low: Floats, high: Floats, *, level: float = 0.05, seed: int = 0) -> PooledDays | None:
    """Pool shares (d,) in (0, 1) whose 95 % intervals are low to high (d,); None with fewer than MIN_DAYS days."""
    if len(values) < MIN_DAYS:
        return None
    random = np.random.default_rng(seed)
    bottom, top = _log_odds(low), _log_odds(high)
    # the middle of the interval: it is asymmetric about the estimate where few rows push it towards one side
    centre, errors = (bottom + top) / 2, np.maximum((top - bottom) / (2 * _NORMAL_QUANTILE), 1e-6)
    spread = _draw_spread(centre, errors, random)
    weights = 1 / (errors**2 + spread[:, None] ** 2)
    total = weights.sum(axis=1)
    level_draws = (weights @ centre) / total + random.standard_normal(_DRAWS) / np.sqrt(total)
    precision = 1 / errors**2 + 1 / np.maximum(spread, 1e-9)[:, None] ** 2
    mean = (centre / errors**2 + level_draws[:, None] / np.maximum(spread, 1e-9)[:, None] ** 2) / precision
    days = mean + random.standard_normal(mean.shape) / np.sqrt(precision)
    middle, deviation = days.mean(axis=0), days.std(axis=0)
    furthest = np.abs((days - middle) / deviation).max(axis=1)
    reach = float(np.quantile(furthest, 1 - level))
    own = np.quantile(days, [level / 2, 1 - level / 2], axis=0)
    band = np.array([middle - reach * deviation, middle + reach * deviation])
    stands_out = np.abs(middle - centre) > FURTHEST * errors
    own = _widen(own, np.array([bottom, top]), where=stands_out)
    band = _widen(band, np.array([centre - reach * errors, centre + reach * errors]), where=stands_out)
    return PooledDays(
        values=_share(np.clip(middle, centre - FURTHEST * errors, centre + FURTHEST * errors)),
        low=_share(own[0]),
        high=_share(own[1]),
        band_low=_share(band[0]),
        band_high=_share(band[1]),
    )


def _widen(pooled: Floats, alone: Floats, *, where: NDArray[np.bool_]) -> Floats:
    """Bounds (2, d) that contain both, of the days (d,) that stand out, and the pooled ones of the others."""
    both = np.array([np.minimum(pooled[0], alone[0]), np.maximum(pooled[1], alone[1])])
    return np.where(where, both, pooled)


def _draw_spread(centre: Floats, errors: Floats, random: np.random.Generator) -> Floats:
    """Draws of the standard deviation of days, with a flat prior, from its marginal posterior on a grid."""
    grid = np.linspace(1e-4, 4 * max(float(centre.std()), float(errors.mean())), _GRID)
    weights = 1 / (errors**2 + grid[:, None] ** 2)
    total = weights.sum(axis=1)
    mean = (weights @ centre) / total
    log = 0.5 * np.log(weights).sum(axis=1) - 0.5 * np.log(total)
    log -= 0.5 * (weights * (centre - mean[:, None]) ** 2).sum(axis=1)
    chance = np.exp(log - log.max())
    return random.choice(grid, size=_DRAWS, p=chance / chance.sum())


def _log_odds(share: Floats) -> Floats:
    inside = np.clip(np.asarray(share, dtype=np.float64), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)))


def _share(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)))
