"""Alerts of a drift check: the drift with its drivers and quality loss, and the alarm of continuous monitoring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.drift import detectors
from sentiment_lib.drift.severity import QualityLoss
from sentiment_lib.records import DriftReport, Severity
from sentiment_lib.storage import alerts

ALERT = "drift"
MONITOR_ALERT = "drift_watch"


def update_alerts(connection: Connection, report: DriftReport) -> int | None:
    """Open or resolve the alerts of a new report; returns the id of the drift alert, None without drift."""
    _update_monitor_alert(connection, report)
    if report.severity is None:
        if report.verdict == "stable":
            alerts.resolve_by_key(connection, ALERT)
        return None
    moved = [str(one["signal"]).replace("_", " ") for one in report.signals if one["drifted"]]
    return alerts.open_alert(
        connection,
        ALERT,
        Severity(report.severity),
        ALERT,
        f"The tweets have drifted: {', '.join(moved[:3])}",
        str(report.details["summary"]),
        f"/sentiment/drift/{report.report_id}",
    )


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
    strange = sorted(report.signals, key=lambda one: float(str(one["p_value"])))[:3]
    lines = [
        f"{monitored['windows']} windows of {days:g} days were checked one after another; the evidence of a change is "
        f"{monitored['value']:.0f}. Without a change that happens once in {monitored['run_length']:.0f} windows at "
        "most, on average.",
        "Strangest in the last window: " + ", ".join(f"{one['signal']} (p {one['p_value']:.2g})" for one in strange),
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


def summary(verdict: detectors.DriftVerdict, drivers: dict[str, Any], loss: QualityLoss) -> str:
    """The drifted signals, their drivers and the quality loss, in a few lines."""
    lines = [_sentence(one) for one in verdict.drifted]
    if drivers["words"]:
        changes = (f"{one['word']} {one['before']:.1%} to {one['now']:.1%}" for one in drivers["words"])
        lines.append("Words: " + ", ".join(changes))
    for one in drivers["airlines"][:3]:
        lines.append(
            f"{one['airline']}: {one['share']:.0%} to {one['share_now']:.0%} of the tweets, "
            f"negative {one['negative']:.0%} to {one['negative_now']:.0%}"
        )
    if drivers["examples"]:
        lines.append("Example tweets: " + ", ".join(one["tweet_id"] for one in drivers["examples"]))
    if loss.loss is None:
        lines.append("Quality: not enough tweets that the champion did not learn from")
    else:
        sure = "" if loss.certain else " (not significant)"
        lines.append(f"Macro-F1, {loss.by}: {-loss.loss:+.3f} against the reference{sure}")
    return "\n".join(lines)


def _sentence(one: detectors.SignalResult) -> str:
    """A signal as a line of text."""
    what = f" ({one.what})" if one.what else ""
    moved = f": {one.before:.3f} to {one.now:.3f}" if one.before is not None and one.now is not None else ""
    name = one.signal.replace("_", " ")
    return f"{name}{what}{moved}; effect {one.effect:.3f}, threshold {one.floor:.3f}, p {one.adjusted:.2g}"
