"""Are the tweets of the current window like those of the reference window? Report, picture and alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sentiment_lib.alerts import rules
from sentiment_lib.drift import detectors
from sentiment_lib.drift.calibration import calibrate
from sentiment_lib.drift.signals import signals
from sentiment_lib.errors import NotFound
from sentiment_lib.records import DriftReport, Severity, Window
from sentiment_lib.settings import Settings
from sentiment_lib.storage import drift as reports
from sentiment_lib.storage.engine import Store

#: Rows read from each window: enough for the samples and for the vocabulary that is set aside.
READ_FACTOR = 3
ALERT = "drift"


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> DriftReport:
    """Check the window that ends at `at` (default: just after the newest tweet that the champion scored).

    The same window again gives the stored report. NotFound when there is no champion or it has scored nothing.
    """
    policy = settings.policy.drift
    with store.begin() as connection:
        version = reports.champion_version(connection)
        if version is None:
            raise NotFound(what="champion", key="to check the drift of")
        newest = at or reports.newest_scored(connection, version)
        if newest is None:
            raise NotFound(what="prediction", key=f"of version {version}")
        end = newest.astimezone(UTC) if at else newest.astimezone(UTC) + timedelta(seconds=1)
        current = Window(start=end - timedelta(days=policy.current_days), end=end)
        reference = Window(start=current.start - timedelta(days=policy.reference_days), end=current.start)
        if known := reports.find_report(connection, version, reference, current):
            return known
        frames = [
            reports.window_rows(connection, one, version, rows=READ_FACTOR * policy.sample_rows, seed=policy.seed)
            for one in (reference, current)
        ]
        past = reports.undisturbed(connection, version, current.start)
    verdict = detectors.check(frames[0], frames[1], policy, calibration=calibrate(past))
    html = None
    if verdict.verdict != "too_few":
        html = _picture(settings.reports, frames[0], frames[1], settings, current.end)
    with store.begin() as connection:
        report_id = reports.add_report(
            connection,
            version,
            reference,
            current,
            verdict=verdict.verdict,
            signals=verdict.as_dicts(),
            html_path=html,
        )
        if report_id is None:
            found = reports.find_report(connection, version, reference, current)
            assert found is not None
            return found
        alert_id = None
        if verdict.verdict == "drift":
            alert_id = rules.open_alert(
                connection,
                ALERT,
                Severity.WARNING,
                ALERT,
                f"The tweets have drifted: {', '.join(one.signal for one in verdict.drifted[:3])}",
                "\n".join(_sentence(one) for one in verdict.drifted),
                f"/reports/{html}" if html else None,
            )
        elif verdict.verdict == "stable":
            rules.resolve(connection, ALERT)
    return DriftReport(
        report_id=report_id,
        verdict=verdict.verdict,
        reference=reference,
        current=current,
        signals=tuple(verdict.as_dicts()),
        html_path=html,
        alert_id=alert_id,
    )


def _picture(folder: Path, reference: object, current: object, settings: Settings, end: datetime) -> str:
    """Write Evidently's HTML over the same samples; gives the path relative to the reports folder."""
    from sentiment_lib.drift.report import write_html

    both = detectors.samples(reference, current, settings.policy.drift)  # type: ignore[arg-type]
    name = f"drift/{end:%Y%m%dT%H%M%S}.html"
    write_html(signals(both.reference, both.known), signals(both.current, both.known), folder / name)
    return name


def _sentence(one: detectors.SignalResult) -> str:
    """A signal in words."""
    what = f" ({one.what})" if one.what else ""
    moved = f": {one.before:.3f} to {one.now:.3f}" if one.before is not None and one.now is not None else ""
    return f"{one.signal}{what}{moved}; effect {one.effect:.3f}, floor {one.floor:.3f}, p {one.adjusted:.2g}"
