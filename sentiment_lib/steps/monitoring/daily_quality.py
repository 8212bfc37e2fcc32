"""Quality by day: estimated from all predictions, measured on the audit sample, both kept for the charts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from sentiment_lib.drift import performance_estimation
from sentiment_lib.drift.prediction_powered import accuracy, powered
from sentiment_lib.drift.severity import MOST, labels_of, proba_of
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import Window
from sentiment_lib.settings import Settings
from sentiment_lib.storage import daily_quality as kept
from sentiment_lib.storage import drift_reports as reports
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.quality_day import QualityDay

#: Days at the end of the span that are always computed again: tweets and predictions still come in.
FILLING = 2


def run(store: Store, settings: Settings, version: int, span: Window) -> list[QualityDay]:
    """Bring the version's figures of the span's days (UTC), and of days that were labelled since, up to date."""
    count = (span.end - timedelta(microseconds=1)).date() - span.start.date()
    days = [span.start.date() + timedelta(days=number) for number in range(count.days + 1)]
    with store.begin() as connection:
        stale = kept.stale_days(connection, version, days, latest=FILLING)
    done = []
    for day in stale:
        # one transaction a day: a killed check keeps what it has
        with store.begin() as connection:
            whole = _window(day)
            seed = settings.policy.drift.seed
            drawn = reports.window_rows(connection, whole, version, rows=MOST, seed=seed)
            before = Window(start=whole.start - timedelta(days=settings.policy.drift.reference_days), end=whole.end)
            labelled = kept.labelled_rows(connection, before, version)
            row = figures(day, version, drawn, labelled, settings.policy.drift)
            if row is not None:
                kept.keep(connection, row)
                done.append(row)
    return done


def figures(
    day: date, version: int, drawn: pd.DataFrame, labelled: pd.DataFrame, policy: DriftPolicy
) -> QualityDay | None:
    """One day's row; None with too few predictions. `labelled` has the days before as well: they calibrate."""
    scored = drawn[drawn["p_negative"].notna()]
    if len(scored) < policy.minimum_labelled:
        return None
    start = pd.Timestamp(_window(day).start)
    earlier, own = labelled[labelled["created_at"] < start], labelled[labelled["created_at"] >= start]
    fitted = performance_estimation.calibrator(labels_of(earlier), proba_of(earlier)) if len(earlier) else None
    everything = proba_of(scored)
    guess = performance_estimation.estimated(everything, fitted, seed=policy.seed)
    found = {"estimated": guess.value, "estimated_low": guess.low, "estimated_high": guess.high}
    if len(own) >= policy.minimum_labelled:
        answers, proba, inclusion = labels_of(own), proba_of(own), own["inclusion"].to_numpy(float)
        estimates = {
            "measured": performance_estimation.measured(answers, proba, inclusion, seed=policy.seed),
            "powered": powered(answers, proba, inclusion, everything, seed=policy.seed),
            "accuracy": powered(answers, proba, inclusion, everything, figure=accuracy, seed=policy.seed),
        }
        for name, one in estimates.items():
            found |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return QualityDay(day=day, model_version=version, rows=len(scored), labelled=len(own), **found)


def _window(day: date) -> Window:
    start = datetime.combine(day, time(), UTC)
    return Window(start=start, end=start + timedelta(days=1))
