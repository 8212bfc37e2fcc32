"""Daily quality: macro-F1 estimated from all predictions and measured on the audit sample, stored for charts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import pandas as pd

from sentiment_lib.drift import performance_estimation
from sentiment_lib.drift.severity import MAX_ROWS, label_codes, probabilities
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import Window
from sentiment_lib.settings import Settings
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling
from sentiment_lib.statistics.prediction_powered import prediction_powered_metric
from sentiment_lib.storage import daily_quality as quality_days
from sentiment_lib.storage import drift_reports as reports
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.quality_day import QualityDay
from sentiment_lib.text.copies import first_of_each

#: Days at the end of the span that are always recomputed: tweets and predictions still come in.
RECENT_DAYS = 2


def run(store: Store, settings: Settings, version: int, span: Window) -> list[QualityDay]:
    """Recompute the version's figures for the stale days (UTC) of the span and for days with new labels."""
    count = (span.end - timedelta(microseconds=1)).date() - span.start.date()
    days = [span.start.date() + timedelta(days=number) for number in range(count.days + 1)]
    with store.begin() as connection:
        stale = quality_days.stale_days(connection, version, days, latest=RECENT_DAYS)
    done = []
    for day in stale:
        # one transaction per day, so that a killed check keeps its progress
        with store.begin() as connection:
            whole = _window(day)
            seed = settings.policy.drift.seed
            auditors = settings.policy.label.auditors
            sample = reports.window_rows(connection, whole, version, rows=MAX_ROWS, seed=seed, auditors=auditors)
            before = Window(start=whole.start - timedelta(days=settings.policy.drift.reference_days), end=whole.end)
            labelled = quality_days.labelled_rows(connection, before, version)
            row = compute_day(day, version, sample, labelled, settings.policy.drift)
            if row is not None:
                quality_days.upsert_day(connection, row)
                done.append(row)
    return done


def compute_day(
    day: date, version: int, sample: pd.DataFrame, labelled: pd.DataFrame, policy: DriftPolicy
) -> QualityDay | None:
    """One day's row; None with too few predictions. Rows of `labelled` from earlier days calibrate the estimate.

    Copies of a text count once, in both frames.
    """
    sample, labelled = (frame[first_of_each(frame["text"].tolist())] for frame in (sample, labelled))
    scored = sample[sample["p_negative"].notna()]
    if len(scored) < policy.minimum_labelled:
        return None
    start = pd.Timestamp(_window(day).start)
    earlier, own = labelled[labelled["created_at"] < start], labelled[labelled["created_at"] >= start]
    scaling = fit_matrix_scaling(label_codes(earlier), probabilities(earlier)) if len(earlier) else None
    population = probabilities(scored)
    guess = performance_estimation.estimate_without_labels(population, scaling, seed=policy.seed)
    figures = {"estimated": guess.value, "estimated_low": guess.low, "estimated_high": guess.high}
    if len(own) >= policy.minimum_labelled:
        labels, proba, inclusion = label_codes(own), probabilities(own), own["inclusion"].to_numpy(float)
        powered = partial(prediction_powered_metric, labels, proba, inclusion, population, seed=policy.seed)
        estimates = {
            "measured": performance_estimation.estimate_from_sample(labels, proba, inclusion, seed=policy.seed),
            "powered": powered(metric="macro_f1"),
            "accuracy": powered(metric="accuracy"),
        }
        for name, estimate in estimates.items():
            figures |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return QualityDay(day=day, model_version=version, rows=len(scored), labelled=len(own), **figures)


def _window(day: date) -> Window:
    start = datetime.combine(day, time(), UTC)
    return Window(start=start, end=start + timedelta(days=1))
