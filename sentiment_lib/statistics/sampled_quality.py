"""Quality of a model from a random sample of labels, with what the bounds can and cannot claim.

An estimate is a 95 % interval only where every source of error is in it. Skipped tweets and unknown error rates of
the annotators give a range instead: the widest bounds over what they could be (partial identification: Manski 2003,
"Partial Identification of Probability Distributions"). With few rows of a class there is a value and no bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sentiment_lib.statistics.annotator_errors import SUPPOSED_ERROR, AnnotatorErrors, supposed_errors
from sentiment_lib.statistics.metric_estimates import MIN_CLASS_ROWS
from sentiment_lib.statistics.metrics import CLASSES, Floats, Ints
from sentiment_lib.statistics.missing_labels import cells_without_label
from sentiment_lib.statistics.prediction_powered import control_from_predictions
from sentiment_lib.statistics.ratio_intervals import (
    Control,
    MetricBounds,
    bound_metric,
    class_rows,
    label_cells,
    widen,
)

#: Where fewer of a class's labels are right, the correction is skewed, and the bounds hold in more than 95 %.
MIN_RIGHT_LABELS = 0.6
#: What the bounds of an estimate claim: 95 % coverage; at least that, over what is not known; nothing.
INTERVAL, RANGE, TOO_FEW = "interval", "range", "too_few"


@dataclass(frozen=True, kw_only=True)
class LabelledSample:
    """Labels (n,), probabilities (n, 3) and inclusion probabilities (n,) of a random sample of tweets.

    skipped: probabilities (k, 3) of sampled tweets that people saw and did not label, with their inclusion
    probabilities (k,).
    """

    labels: Ints
    proba: Floats
    inclusion: Floats
    skipped: Floats = field(default_factory=lambda: np.empty((0, CLASSES)))
    skipped_inclusion: Floats = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, kw_only=True)
class QualityEstimate:
    """A metric; `basis` says what its bounds claim (INTERVAL, RANGE or TOO_FEW, which has none)."""

    value: float
    low: float | None
    high: float | None
    basis: str


def estimate_quality(
    sample: LabelledSample,
    *,
    metric: str = "macro_f1",
    population: Floats | None = None,
    errors: AnnotatorErrors | None = None,
    unknown_errors: bool = False,
    seed: int = 0,
) -> QualityEstimate:
    """A metric of COUNT_METRICS of the stream from which the sample was drawn.

    population: probabilities (N, 3) of all tweets, which narrow the bounds (prediction-powered); errors: fitted error
    rates of the annotators, against which the value is corrected. unknown_errors: too few tweets were labelled twice to
    fit any, and the bounds suppose every share of wrong answers up to SUPPOSED_ERROR.
    """
    predicted = sample.proba.argmax(axis=1)
    weights = 1 / sample.inclusion
    cells = label_cells(sample.labels, predicted)
    control = None
    if population is not None:
        control = control_from_predictions(sample.labels, sample.proba, population, seed=seed)
    best = _bound(cells, weights, metric, control, errors)
    if class_rows(cells, weights).min() < MIN_CLASS_ROWS:
        return QualityEstimate(value=best.value, low=None, high=None, basis=TOO_FEW)
    supposed = [errors, supposed_errors(SUPPOSED_ERROR)] if unknown_errors else [errors]
    bounds = [best, *(_bound(cells, weights, metric, control, rates) for rates in supposed[1:])]
    if len(sample.skipped):
        bounds += [
            _bound_with_skipped(sample, cells, weights, metric, rates, is_right=is_right)
            for rates in supposed
            for is_right in (False, True)
        ]
    return QualityEstimate(
        value=best.value,
        low=min(bound.low for bound in bounds),
        high=max(bound.high for bound in bounds),
        basis=RANGE if len(bounds) > 1 or _is_too_wide(metric, cells, weights, errors) else INTERVAL,
    )


def _bound(
    cells: Floats, weights: Floats, metric: str, control: Control | None, errors: AnnotatorErrors | None
) -> MetricBounds:
    if errors is None:
        return bound_metric(cells, weights, metric, control=control)
    if control is not None:
        correct = _correct(np.eye(CLASSES * CLASSES), errors)
        control = Control(
            labelled=control.labelled @ correct,
            mean=control.mean @ correct,
            covariance=correct.T @ control.covariance @ correct,
        )
    bounds = bound_metric(_correct(cells, errors), weights, metric, control=control)
    return widen(bounds, metric, errors.possible_cells(bounds.cells))


def _is_too_wide(metric: str, cells: Floats, weights: Floats, errors: AnnotatorErrors | None) -> bool:
    """Whether bounds of a metric of classes hold too often: too few of a class's labels are right, as the rates say."""
    if errors is None or metric == "accuracy":
        return False
    given, true = class_rows(cells, weights), class_rows(_correct(cells, errors), weights)
    return bool((true < MIN_RIGHT_LABELS * given).any())


def _bound_with_skipped(
    sample: LabelledSample,
    cells: Floats,
    weights: Floats,
    metric: str,
    errors: AnnotatorErrors | None,
    *,
    is_right: bool,
) -> MetricBounds:
    """Bounds if the model were right on every skipped tweet, or wrong on each in the way that hurts most."""
    own = cells if errors is None else _correct(cells, errors)
    other_weights = 1 / sample.skipped_inclusion
    other = cells_without_label(sample.skipped, other_weights, weights @ own, metric, is_right=is_right)
    bounds = bound_metric(np.vstack([own, other]), np.concatenate([weights, other_weights]), metric)
    if errors is None:
        return bounds
    total = float(weights.sum() + other_weights.sum())
    possible = errors.possible_cells(weights @ own / weights.sum()) * (float(weights.sum()) / total)
    return widen(bounds, metric, possible + other_weights @ other / total)


def _correct(cells: Floats, errors: AnnotatorErrors) -> Floats:
    """Cells (n, 9) by given label as cells by true class, which are right on average."""
    by_given = cells.reshape(len(cells), CLASSES, CLASSES)
    return np.asarray((errors.correction() @ by_given).reshape(len(cells), CLASSES * CLASSES))
