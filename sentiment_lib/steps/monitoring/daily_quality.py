"""Daily quality: macro-F1 estimated from all predictions and measured on the audit sample, stored for charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import pandas as pd

from sentiment_lib.drift import performance_estimation
from sentiment_lib.drift.severity import MAX_ROWS, label_codes, probabilities
from sentiment_lib.evaluation.agreement import count_label_pairs
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import Window
from sentiment_lib.settings import Settings
from sentiment_lib.statistics.annotator_errors import AnnotatorErrors, fit_annotator_errors
from sentiment_lib.statistics.calibration_error import measure_calibration
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.statistics.sampled_quality import TOO_FEW, LabelledSample, estimate_quality
from sentiment_lib.storage import daily_quality as quality_days
from sentiment_lib.storage import drift_reports as reports
from sentiment_lib.storage import label_counts
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.quality_day import QualityDay
from sentiment_lib.text.copies import first_of_each

#: Days at the end of the span that are always recomputed: tweets and predictions still come in.
RECENT_DAYS = 2
#: Maximum number of doubly labelled tweets, the newest, for the error rates of annotators.
NEWEST_PAIRS = 2000


def run(store: Store, settings: Settings, version: int, span: Window) -> list[QualityDay]:
    """Recompute the version's figures for the stale days (UTC) of the span and for days with new labels."""
    count = (span.end - timedelta(microseconds=1)).date() - span.start.date()
    days = [span.start.date() + timedelta(days=number) for number in range(count.days + 1)]
    with store.begin() as connection:
        stale = quality_days.stale_days(connection, version, days, latest=RECENT_DAYS)
        pairs = label_counts.label_pairs(connection, NEWEST_PAIRS, audit_only=True) if stale else []
    done = []
    for day in stale:
        # one transaction per day, so that a killed check keeps its progress
        with store.begin() as connection:
            whole = _window(day)
            seed = settings.policy.drift.seed
            auditors = settings.policy.label.auditors
            sample = reports.window_rows(connection, whole, version, rows=MAX_ROWS, seed=seed, auditors=auditors)
            before = Window(start=whole.start - timedelta(days=settings.policy.drift.reference_days), end=whole.end)
            labelled = quality_days.labelled_rows(connection, before, version, auditors=auditors)
            skipped = quality_days.skipped_rows(connection, before, version, auditors=auditors)
            row = compute_day(day, version, sample, labelled, settings.policy.drift, skipped=skipped, pairs=pairs)
            if row is not None:
                quality_days.upsert_day(connection, row)
                done.append(row)
    return done


def compute_day(
    day: date,
    version: int,
    sample: pd.DataFrame,
    labelled: pd.DataFrame,
    policy: DriftPolicy,
    *,
    skipped: pd.DataFrame | None = None,
    pairs: Sequence[tuple[str, str]] = (),
) -> QualityDay | None:
    """One day's row; None with too few predictions. Rows of `labelled` from earlier days calibrate the estimate.

    skipped: tweets of the audit sample that people skipped or disagree on, from the same days as `labelled`; pairs:
    labels of tweets of the audit sample that two people labelled, on any day. Copies of a text count once, in every
    frame.
    """
    missing = labelled.iloc[:0] if skipped is None else skipped
    sample, labelled, missing = (frame[first_of_each(frame["text"].tolist())] for frame in (sample, labelled, missing))
    scored = sample[sample["p_negative"].notna()]
    if len(scored) < policy.minimum_labelled:
        return None
    start = pd.Timestamp(_window(day).start)
    earlier, own = labelled[labelled["created_at"] < start], labelled[labelled["created_at"] >= start]
    scaling = fit_matrix_scaling(label_codes(earlier), probabilities(earlier)) if len(earlier) else None
    population = probabilities(scored)
    guess = performance_estimation.estimate_without_labels(population, scaling, seed=policy.seed)
    # without labels, nothing bounds the error of the probabilities
    bounds = (None, None) if scaling is None else (guess.low, guess.high)
    errors = fit_annotator_errors(count_label_pairs(pairs), seed=policy.seed)
    skipped_today = missing[missing["created_at"] >= start]
    measured, basis = _measure(own, skipped_today, population, errors, policy)
    return QualityDay(
        day=day,
        model_version=version,
        rows=len(scored),
        estimated=guess.value,
        estimated_low=bounds[0],
        estimated_high=bounds[1],
        labelled=len(own),
        skipped=len(skipped_today),
        labelled_twice=len(pairs),
        basis=basis,
        calibration_labels=len(labelled),
        **measured,
        **_calibration(labelled, missing, errors, policy.seed),
    )


def _measure(
    own: pd.DataFrame, skipped: pd.DataFrame, population: Floats, errors: AnnotatorErrors | None, policy: DriftPolicy
) -> tuple[dict[str, Any], str]:
    """Figures from the day's labels, and what their bounds claim."""
    if len(own) < policy.minimum_labelled:
        return {}, TOO_FEW
    rows = _sample(own, skipped)
    quality = partial(estimate_quality, rows, errors=errors, unknown_errors=errors is None, seed=policy.seed)
    estimates = {
        "measured": quality(),
        "powered": quality(population=population),
        "accuracy": quality(metric="accuracy", population=population),
    }
    figures = {
        f"{name}{bound}": value
        for name, estimate in estimates.items()
        for bound, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high))
    }
    return figures, estimates["powered"].basis


def _sample(labelled: pd.DataFrame, skipped: pd.DataFrame) -> LabelledSample:
    """Labelled and skipped rows; a skipped one of unknown inclusion probability weighs as the labelled on average."""
    inclusion = labelled["inclusion"].to_numpy(float)
    usual = 1 / float((1 / inclusion).mean())
    return LabelledSample(
        labels=label_codes(labelled),
        proba=probabilities(labelled),
        inclusion=inclusion,
        skipped=probabilities(skipped),
        skipped_inclusion=skipped["inclusion"].fillna(usual).to_numpy(float),
    )


def _calibration(
    labelled: pd.DataFrame, skipped: pd.DataFrame, errors: AnnotatorErrors | None, seed: int
) -> dict[str, Any]:
    """Calibration error on all labels of the window; empty with too few."""
    if labelled.empty:
        return {}
    error = measure_calibration(_sample(labelled, skipped), errors=errors, unknown_errors=errors is None, seed=seed)
    if error is None:
        return {}
    return {
        "calibration_error": error.value,
        "calibration_error_low": error.low,
        "calibration_error_high": error.high,
        "overconfidence": error.overconfidence,
        "overconfidence_low": error.overconfidence_low,
        "overconfidence_high": error.overconfidence_high,
        "calibration_basis": error.basis,
    }


def _window(day: date) -> Window:
    start = datetime.combine(day, time(), UTC)
    return Window(start=start, end=start + timedelta(days=1))
