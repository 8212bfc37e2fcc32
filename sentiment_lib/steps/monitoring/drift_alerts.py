"""Alerts of a drift check: the drift with its drivers and quality loss, and the alarm of continuous monitoring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.drift import attribution, detectors, quality_text
from sentiment_lib.drift.severity import QualityLoss
from sentiment_lib.drift.signals import value_text
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import DriftReport, Severity
from sentiment_lib.storage import alerts

ALERT = "drift"
MONITOR_ALERT = "drift_watch"


def update_alerts(connection: Connection, report: DriftReport, version: int) -> int | None:
    """Open or resolve the alerts of a new report; returns the id of the drift alert, None without drift.

    version: whose predictions were checked.
    """
    _update_monitor_alert(connection, report)
    if report.severity is None:
        # a check between two windows has a stricter level: what it misses may still be there
        if report.verdict == "stable" and report.details["clear"]:
            alerts.resolve_by_key(connection, ALERT)
        return None
    drifted_signals = [str(signal["signal"]).replace("_", " ") for signal in report.signals if signal["drifted"]]
    return alerts.open_alert(
        connection,
        ALERT,
        Severity(report.severity),
        ALERT,
        f"The tweets have drifted: {', '.join(drifted_signals[:3])}",
        f"{report.details['summary']}\n{_compared(report, version)}",
        f"/sentiment/drift/{report.report_id}",
    )


def _compared(report: DriftReport, version: int) -> str:
    """Which tweets, and whose predictions: the alert may outlast the champion that was checked."""
    spans = [
        f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
        for window in (report.current, report.reference)
    ]
    return f"Checked: {spans[0]}, against {spans[1]}; predictions of version {version}."


def _update_monitor_alert(connection: Connection, report: DriftReport) -> None:
    """The alert of continuous monitoring, with its false-alarm rate; a stable window that counts resolves it."""
    monitored: Any = report.continuous
    if monitored is None or not monitored["counted"]:
        return
    if not monitored["alarm"]:
        if report.verdict == "stable":
            alerts.resolve_by_key(connection, MONITOR_ALERT)
        return
    days = (report.current.end - report.current.start) / timedelta(days=1)
    strongest = sorted(report.signals, key=lambda signal: float(str(signal["p_value"])))[:3]
    lines = [
        f"{monitored['windows']} windows of {days:g} days were checked one after another; the evidence of a change is "
        f"{monitored['value']:.0f}. Without a change that happens once in {monitored['run_length']:.0f} windows at "
        "most, on average.",
        "Strangest in the last window: "
        + ", ".join(f"{signal['signal']} (p {signal['p_value']:.2g})" for signal in strongest),
    ]
    alerts.open_alert(
        connection,
        MONITOR_ALERT,
        Severity.WARNING,
        MONITOR_ALERT,
        "The stream has changed, window after window",
        "\n".join(lines),
        f"/sentiment/drift/{report.report_id}",
    )


def summary(
    verdict: detectors.DriftVerdict,
    drivers: dict[str, Any],
    loss: QualityLoss,
    policy: DriftPolicy,
    *,
    critical: bool,
    provisional: str | None = None,
) -> str:
    """The drifted signals, their drivers and the quality loss, in a few lines."""
    lines = [_sentence(signal) for signal in verdict.drifted]
    if drivers["words"]:
        changes = (f"{word['word']} {_percent(word['before'])} to {_percent(word['now'])}" for word in drivers["words"])
        lines.append("Words: " + ", ".join(changes))
    for airline in drivers["airlines"][:3]:
        lines.append(
            f"{airline['airline']}: {_percent(airline['share'])} to {_percent(airline['share_now'])} of the tweets, "
            f"negative {_percent(airline['negative'])} to {_percent(airline['negative_now'])}"
        )
    if drivers["examples"]:
        lines.append("Example tweets: " + ", ".join(example["tweet_id"] for example in drivers["examples"]))
    limit = policy.quality_loss
    lines.append(quality_text.conclude(loss.loss, loss.low, loss.high, loss.by, limit=limit, critical=critical))
    if loss.attribution is not None:
        lines.append(attribution.sentence(loss.attribution))
    alarms = policy.false_alarms_per_week
    lines.append(f"All checks of a week together raise {alarms:g} false alarms on average, at most.")
    if provisional is not None:
        lines.append(provisional)
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _sentence(signal: detectors.SignalResult) -> str:
    """A signal as a line of text."""
    what = f" ({signal.what})" if signal.what else ""
    before, now = (value_text(signal.signal, value) for value in (signal.before, signal.now))
    change = "" if signal.before is None or signal.now is None else f": {before} to {now}"
    name = signal.signal.replace("_", " ")
    return f"{name}{what}{change}; effect {signal.effect:.3f}, threshold {signal.floor:.3f}, p {signal.adjusted:.2g}"
