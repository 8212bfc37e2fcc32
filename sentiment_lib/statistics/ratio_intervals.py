"""Confidence intervals of classification metrics that hold with few labels, rare classes and unequal weights.

A metric is a mean of parts, each a function of a proportion of confusion cells: recall itself, and F1 = 2 J / (1 + J)
with J = hits / (hits + false positives + false negatives), of which the hits are a binomial share.

Each proportion gets a Wilson score interval (Wilson 1927, JASA 22 (158)) at its effective sample size (Korn, Graubard
1998, "Confidence intervals for proportions with small expected number of positive counts estimated from survey data",
Survey Methodology 24 (2)). The intervals of the parts are combined with their correlations by the method of variance
estimates recovery (Zou, Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine
27 (10)), which keeps their asymmetry; neither the normal approximation nor the bootstrap holds for rare classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t as student

from sentiment_lib.errors import BadInput
from sentiment_lib.statistics.metrics import CLASSES, COUNT_METRICS, Floats, Ints

CELLS = CLASSES * CLASSES
#: Pseudo-rows in each cell for the correlation of the parts.
PSEUDO_ROWS = 0.1


@dataclass(frozen=True, kw_only=True)
class Control:
    """Expected cells of every row from predictions, which reduce the variance of the labelled rows."""

    #: of the labelled rows, (n, 9)
    labelled: Floats
    #: mean over the population, (9,), and the covariance of that mean, (9, 9)
    mean: Floats
    covariance: Floats


@dataclass(frozen=True, kw_only=True)
class MetricBounds:
    """A metric with its two-sided bounds.

    cells: mean cells (9,) that give the value; trust: weight that was given to the predictions (0: labels alone).
    """

    value: float
    low: float
    high: float
    cells: Floats
    trust: float = 0.0


@dataclass(frozen=True)
class _Part:
    """A proportion of cells, `hits` of `base` (masks (9,)); `is_f1`: the metric is 2 J / (1 + J) of it."""

    hits: Floats
    base: Floats
    is_f1: bool

    def value(self, share: Floats) -> Floats:
        return np.asarray(2 * share / (1 + share) if self.is_f1 else share)

    def slope(self, share: float) -> float:
        return 2 / (1 + share) ** 2 if self.is_f1 else 1.0


def label_cells(labels: Ints, predicted: Ints) -> Floats:
    """The confusion cell of each row as an indicator vector (n, 9), from classes (n,)."""
    return np.asarray(np.eye(CELLS)[labels * CLASSES + predicted])


def wilson_bounds(share: float, size: float, quantile: float) -> tuple[float, float]:
    """Wilson score bounds of a proportion of `size` (effective) observations; `quantile` of the reference law."""
    if size <= 0:
        return 0.0, 1.0
    squared = quantile**2
    centre = (share * size + squared / 2) / (size + squared)
    half = quantile * np.sqrt(size * share * (1 - share) + squared / 4) / (size + squared)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def bound_metric(
    cells: Floats,
    weights: Floats,
    metric: str,
    *,
    level: float = 0.05,
    control: Control | None = None,
) -> MetricBounds:
    """A metric of COUNT_METRICS from rows with cell vectors (n, 9) and weights (n,), with bounds at 1 - level.

    control: predictions whose mean is known over the population; their weight is the one of least variance, as in
    PPI++. Rows are independent draws whose weight is 1 / inclusion probability. Raises BadInput for another metric.
    """
    if metric not in COUNT_METRICS:
        raise BadInput(what="metric", problem=f"'{metric}' is not one of {', '.join(COUNT_METRICS)}")
    weight = weights / weights.sum()
    parts = _parts(metric)
    mean = weight @ cells
    trust = 0.0 if control is None else _best_trust(cells, weight, mean, control, parts)
    if control is not None and trust > 0:
        mean = mean + trust * (control.mean - weight @ control.labelled)
    effective_rows = 1 / float((weight**2).sum())
    quantile = float(student.isf(level / 2, max(effective_rows - 1, 1)))
    values, lows, highs, influences, gradients = [], [], [], [], []
    for part in parts:
        share, smoothed, base, unit = _shares(cells, weight, mean, part)
        direction = part.hits - smoothed * part.base
        influence = weight * (cells @ direction)
        size = _effective_size(influence, smoothed, base, unit)
        if control is not None and trust > 0:
            size /= _variance_ratio(influence, weight, direction, control, trust)
        low, high = wilson_bounds(share, size, quantile)
        if control is not None and float(control.mean @ part.hits) == 0:
            low = high = 0.0  # the model predicts this class nowhere in the population
        value, bottom, top = part.value(np.array([share, low, high]))
        values.append(value)
        lows.append(value - bottom)
        highs.append(top - value)
        influences.append(influence * part.slope(share) / max(base, unit))
        gradients.append(direction * part.slope(share) / max(base, unit))
    correlation = _correlation(np.array(influences), np.array(gradients) / effective_rows)
    value = float(np.sum(values) / len(parts))
    below, above = (float(np.sqrt(max(np.array(d) @ correlation @ np.array(d), 0))) for d in (lows, highs))
    return MetricBounds(
        value=value,
        low=max(0.0, value - below / len(parts)),
        high=min(1.0, value + above / len(parts)),
        cells=mean,
        trust=trust,
    )


def widen(bounds: MetricBounds, metric: str, possible: Floats, *, level: float = 0.05) -> MetricBounds:
    """The bounds with a second source of error: mean cells (d, 9) as they could be, drawn from its distribution.

    The distances of both sources' bounds from the value add up as variances do, each side by itself.
    """
    if len(possible) == 0:
        return bounds
    bottom, top = np.quantile(metric_of_cells(possible, metric), (level / 2, 1 - level / 2))
    below = np.hypot(bounds.value - bounds.low, max(bounds.value - float(bottom), 0.0))
    above = np.hypot(bounds.high - bounds.value, max(float(top) - bounds.value, 0.0))
    return replace(bounds, low=max(0.0, bounds.value - float(below)), high=min(1.0, bounds.value + float(above)))


def metric_of_cells(cells: Floats, metric: str) -> Floats:
    """The metric (d,) of mean cells (d, 9), which corrections may have made negative."""
    values = []
    for part in _parts(metric):
        base = np.maximum(cells @ part.base, 0.0)
        share = np.divide(cells @ part.hits, base, out=np.zeros(len(cells)), where=base > 0)
        values.append(part.value(np.clip(share, 0.0, 1.0)))
    return np.asarray(np.mean(values, axis=0))


def class_rows(cells: Floats, weights: Floats) -> Floats:
    """Effective number of rows (3,) of each true class, from cell vectors (n, 9) and weights (n,)."""
    weight = weights / weights.sum()
    shares = (weight @ cells).reshape(CLASSES, CLASSES).sum(axis=1)
    return np.asarray(shares / float((weight**2).sum()))


def _parts(metric: str) -> list[_Part]:
    cells = np.arange(CELLS)
    truth, predicted = cells // CLASSES, cells % CLASSES
    if metric == "accuracy":
        return [_Part((truth == predicted).astype(float), np.ones(CELLS), False)]
    classes = range(CLASSES) if metric.startswith("macro") else (0,)
    is_f1 = metric.endswith("f1")
    return [
        _Part(
            ((truth == c) & (predicted == c)).astype(float),
            ((truth == c) | (is_f1 & (predicted == c))).astype(float),
            is_f1,
        )
        for c in classes
    ]


def _shares(cells: Floats, weight: Floats, mean: Floats, part: _Part) -> tuple[float, float, float, float]:
    """The proportion, the one with a pseudo-row on either side, the base's weight, and the weight of one row of it."""
    inside = cells @ part.base
    total = float(weight @ inside)
    unit = float((weight**2) @ inside) / total if total > 0 else 1 / len(weight)
    base, hits = max(float(mean @ part.base), 0.0), float(mean @ part.hits)
    share = min(max(hits / base, 0.0), 1.0) if base > 0 else 0.0
    return share, (share * base + unit) / (base + 2 * unit), base, unit


def _effective_size(influence: Floats, smoothed: float, base: float, unit: float) -> float:
    """Binomial sample size of the same variance; the two pseudo-rows keep it finite where all rows agree."""
    pseudo = unit**2 * ((1 - smoothed) ** 2 + smoothed**2)
    variance = (float(influence @ influence) + pseudo) / (base + 2 * unit) ** 2
    return max(smoothed * (1 - smoothed) / variance - 2, 0.0) if base > 0 else 0.0


def _variance_ratio(influence: Floats, weight: Floats, direction: Floats, control: Control, trust: float) -> float:
    """Variance with the predictions over the variance of the labels alone."""
    corrected = influence - trust * weight * (control.labelled @ direction)
    plain = _centred_square(influence, weight)
    rest = _centred_square(corrected, weight) + trust**2 * float(direction @ control.covariance @ direction)
    return rest / plain if plain > 0 else 1.0


def _centred_square(influence: Floats, weight: Floats) -> float:
    centred = influence - weight * influence.sum()
    return float(centred @ centred)


def _best_trust(cells: Floats, weight: Floats, mean: Floats, control: Control, parts: list[_Part]) -> float:
    """Weight of the predictions with the least variance: Angelopoulos, Duchi, Zrnic 2023, "PPI++"."""
    gradient = np.zeros(CELLS)
    for part in parts:
        share, smoothed, base, unit = _shares(cells, weight, mean, part)
        gradient += part.slope(share) * (part.hits - smoothed * part.base) / max(base, unit)
    own, other = weight * (cells @ gradient), weight * (control.labelled @ gradient)
    own, other = own - weight * own.sum(), other - weight * other.sum()
    variance = float(other @ other) + float(gradient @ control.covariance @ gradient)
    return float(np.clip(float(own @ other) / variance, 0, 1)) if variance > 0 else 0.0


def _correlation(influences: Floats, gradients: Floats) -> Floats:
    """Correlations (parts, parts) of the parts from the influence (parts, n) of each row.

    gradients (parts, 9) are those of one row in each cell: PSEUDO_ROWS of each keep the correlation of parts with few
    rows from being that of those few.
    """
    covariance = influences @ influences.T + PSEUDO_ROWS * gradients @ gradients.T
    spread = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.multiply.outer(spread, spread))
