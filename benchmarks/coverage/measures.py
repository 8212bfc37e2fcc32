"""The intervals that the product shows, computed by the product's own functions on one draw of a world.

Each function yields (name of the interval, claim, low, high, truth). Claims: "interval" is 95 % coverage, "range" and
"bound" at least that, "model" none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.coverage.worlds import STREAM, World, answers, draw_day, true_confusion, true_metric, truth, tweets
from sentiment_lib.drift.performance_estimation import estimate_without_labels
from sentiment_lib.evaluation.agreement import measure_agreement
from sentiment_lib.evaluation.promotion_watch import monitor_promotion
from sentiment_lib.evaluation.shadow_comparison import UNKNOWN, compare_in_shadow
from sentiment_lib.evaluation.significance import estimate_difference
from sentiment_lib.policy import DriftPolicy, PromotionWatchPolicy
from sentiment_lib.records import LABELS
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.annotator_errors import fit_annotator_errors
from sentiment_lib.statistics.calibration_error import MAX_BINS, ROWS_PER_BIN, measure_calibration
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling
from sentiment_lib.statistics.metric_estimates import metrics_with_intervals
from sentiment_lib.statistics.metrics import Ints
from sentiment_lib.statistics.partial_pooling import pool_days
from sentiment_lib.statistics.sampled_quality import INTERVAL, estimate_quality
from sentiment_lib.steps.monitoring.daily_quality import compute_day

Found = tuple[str, str, float, float, float]
DAY, POLICY = date(2026, 3, 2), DriftPolicy()
#: Days of a chart, and looks at the gate's bound.
DAYS, LEVELS = 14, (0.05, 0.013)


def quality_by_day(world: World, random: np.random.Generator) -> Iterator[Found]:
    """Macro-F1 and accuracy of a day, from labels alone and with all predictions."""
    day = draw_day(world, random)
    errors = fit_annotator_errors(day.pairs)
    for name, metric, population in (
        ("day, measured", "macro_f1", None),
        ("day, prediction-powered", "macro_f1", day.population),
        ("day, accuracy", "accuracy", day.population),
    ):
        found = estimate_quality(
            day.sample, metric=metric, population=population, errors=errors, unknown_errors=errors is None
        )
        if found.low is not None and found.high is not None:
            yield name, found.basis, found.low, found.high, true_metric(world, metric)


def estimated(world: World, random: np.random.Generator) -> Iterator[Found]:
    """Macro-F1 without labels of the day, calibrated on 300 labels of the days before."""
    labels, proba = tweets(world, 300, random)
    guess = estimate_without_labels(tweets(world, STREAM, random)[1], fit_matrix_scaling(labels, proba), rounds=100)
    yield "day, estimated", "model", guess.low, guess.high, true_metric(world, "macro_f1")


def model_card(world: World, random: np.random.Generator) -> Iterator[Found]:
    """Metrics of a version on its holdout or on a slice of it."""
    labels, proba = tweets(world, world.labels, random)
    for name, (_, low, high) in metrics_with_intervals(labels, proba).items():
        if low is not None and high is not None:
            yield f"card, {name.replace('_', ' ')}", "interval", low, high, true_metric(world, name)


def calibration(world: World, random: np.random.Generator) -> Iterator[Found]:
    """Calibration error and overconfidence; near zero the former's lower bound is 0 and coverage is above 95 %."""
    day = draw_day(world, random)
    errors = fit_annotator_errors(day.pairs) if world.annotator_error else None
    is_unknown = errors is None and world.annotator_error > 0
    found = measure_calibration(day.sample, errors=errors, unknown_errors=is_unknown)
    if found is None:
        return
    true, mean = _true_calibration(world)
    near_zero = "bound" if true < 0.02 and found.basis == INTERVAL else found.basis
    yield "calibration error", near_zero, found.low, found.high, true
    yield "overconfidence", found.basis, found.overconfidence_low, found.overconfidence_high, mean


@cache
def _true_calibration(world: World) -> tuple[float, float]:
    """Root-mean-square gap over as many bins as the world's labels give, and the mean gap."""
    labels, proba = truth(world)
    confidence = proba.max(axis=1)
    gap = confidence - (proba.argmax(axis=1) == labels)
    bins = np.array_split(np.argsort(confidence, kind="stable"), min(MAX_BINS, max(2, world.labels // ROWS_PER_BIN)))
    return float(np.sqrt(np.mean([gap[part].mean() ** 2 for part in bins]))), float(gap.mean())


def kappa(world: World, random: np.random.Generator, pairs: int) -> Iterator[Found]:
    """Agreement of two people, each of whom errs in 5 % of tweets."""
    labels, _ = tweets(world, pairs, random)
    both = [answers(labels, 0.05, random) for _ in range(2)]
    found = measure_agreement([(str(LABELS[a]), str(LABELS[b])) for a, b in zip(*both, strict=True)])
    if found.interval is not None:
        matrix = np.full((3, 3), 0.025) + np.eye(3) * 0.925
        shares = matrix.T @ np.diag(world.prior) @ matrix
        chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
        yield f"kappa of {pairs} pairs", "interval", *found.interval, (float(np.trace(shares)) - chance) / (1 - chance)


def days_on_a_chart(world: World, random: np.random.Generator) -> Iterator[Found]:
    """Partially pooled days: each day's own interval, and the band that must contain all of them."""
    # rounded, so that few truths are computed
    shares = np.round(50 * np.clip(world.prior[0] + random.normal(0, world.day_spread, DAYS), 0.4, 0.86)) / 50
    true = np.array([true_metric(world, "macro_f1", float(share)) for share in shares])
    found = [estimate_quality(draw_day(world, random, float(share)).sample) for share in shares]
    values, low, high = (
        np.array([getattr(day, name) for day in found], dtype=float) for name in ("value", "low", "high")
    )
    if np.isnan(low).any():
        return
    pooled = pool_days(values, low, high)
    assert pooled is not None
    yield "chart, pooled day", "interval", float(pooled.low[0]), float(pooled.high[0]), float(true[0])
    inside = bool(((pooled.band_low <= true) & (true <= pooled.band_high)).all())
    width = float(np.mean(pooled.band_high - pooled.band_low))
    yield "chart, band over 14 days", "interval", 0.0 if inside else 1.0, width, min(width, 0.5)


def whole_day_with_copies(world: World, random: np.random.Generator) -> Iterator[Found]:
    """A day through the step itself: texts, copies of them, labels in frames; a text with copies counts once."""
    labels, proba = tweets(world, STREAM, random)
    texts = [" ".join(words) for words in random.integers(0, 5000, (STREAM, 9)).astype(str)]
    for _ in range(int(world.copies * STREAM / 8)):
        places = random.integers(0, STREAM, 8)
        for place in places[1:]:
            texts[place], labels[place], proba[place] = texts[places[0]], labels[places[0]], proba[places[0]]
    frame = pd.DataFrame(proba, columns=["p_negative", "p_neutral", "p_positive"])
    frame["text"], frame["created_at"] = texts, pd.Timestamp(datetime(2026, 3, 2, 12), tz="UTC")
    frame["true_label"], frame["inclusion"] = [str(LABELS[label]) for label in labels], world.labels / STREAM
    sampled = frame[random.random(STREAM) < world.labels / STREAM]
    pairs = [(str(label), str(label)) for label in LABELS for _ in range(1000)]
    row = compute_day(DAY, 1, frame, sampled, POLICY, pairs=pairs)
    if row is not None and row.powered_low is not None and row.powered_high is not None:
        true = true_metric(world, "macro_f1")
        yield "day, prediction-powered", str(row.basis), row.powered_low, row.powered_high, true


def gate_bounds(world: World, random: np.random.Generator) -> Iterator[Found]:
    """One-sided bounds of the difference of two equal models, at the guard level and at that of a first look."""
    labels, old = tweets(world, world.labels, random)
    new = _second_model(labels, world, random)
    cube = paired_counts.count_pairs(labels, old.argmax(axis=1), new)
    resampled = paired_counts.bootstrap_counts(cube, 4000, random)
    for level in LEVELS:
        found = estimate_difference(cube, "macro_f1", resampled=resampled, level=level)
        yield f"gate, lower bound at {100 * level:g} %", f"one-sided {level}", found.low, found.low + 2, 0.0


def _second_model(labels: Ints, world: World, random: np.random.Generator) -> Ints:
    seen = 2 * np.eye(3)[labels] + random.normal(0, world.noise, (labels.size, 3))
    return np.asarray((np.log(world.prior) + 2 * seen / world.noise**2).argmax(axis=1))


def shadow_gain(world: World, random: np.random.Generator) -> Iterator[Found]:
    """The gain of an equal candidate on tweets that both models scored, with labels where they disagree."""
    labels, old = tweets(world, STREAM, random)
    seen = 2 * np.eye(3)[labels] + random.normal(0, world.noise, (STREAM, 3))
    scores = np.log(world.prior) + 2 * seen / world.noise**2
    new = np.exp(scores - scores.max(axis=1, keepdims=True))
    new = new / new.sum(axis=1, keepdims=True)
    differ = np.flatnonzero(old.argmax(axis=1) != new.argmax(axis=1))
    known = np.full(STREAM, UNKNOWN)
    picked = random.permutation(differ)[: max(20, world.labels // 4)]
    known[picked] = labels[picked]
    found = compare_in_shadow(known, old, new, reference=true_confusion(world), metric="macro_f1")
    if found.low is not None and found.high is not None:
        yield "shadow, gain", "interval", found.low, found.high, 0.0


def watch_bounds(world: World, random: np.random.Generator) -> Iterator[Found]:
    """The loss of a promoted champion that is no better, after all labels of the watch so far."""
    labels, old = tweets(world, world.labels, random)
    new = _second_model(labels, world, random)
    found = monitor_promotion(
        labels,
        old.argmax(axis=1),
        new,
        reference=true_confusion(world),
        policy=PromotionWatchPolicy(),
        metric="macro_f1",
    )
    yield "promotion watch, loss", "bound", found.low, found.high, 0.0
