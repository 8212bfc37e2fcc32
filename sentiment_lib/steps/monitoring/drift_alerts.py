"""What people are told after a drift check: what moved, whether it hurts, and what continuous watching says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.drift import detectors
from sentiment_lib.drift.severity import Harm
from sentiment_lib.records import DriftReport, Severity
from sentiment_lib.storage import alerts

ALERT = "drift"
WATCH_ALERT = "drift_watch"


def tell(connection: Connection, report: DriftReport) -> int | None:
    """Open or resolve the alerts of a new report; gives the id of the drift alert."""
    _watch(connection, report)
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


def _watch(connection: Connection, report: DriftReport) -> None:
    """The alert of continuous watching, with how often it is wrong; a stable window that counts ends it."""
    watching: Any = report.continuous
    if watching is None or not watching["counted"]:
        return
    if not watching["alarm"]:
        if report.verdict == "stable":
            alerts.resolve_by_key(connection, WATCH_ALERT)
        return
    days = (report.current.end - report.current.start) / timedelta(days=1)
    strange = sorted(report.signals, key=lambda one: float(str(one["p_value"])))[:3]
    lines = [
        f"{watching['windows']} windows of {days:g} days were watched one after another; the evidence of change is "
        f"{watching['value']:.0f}. Without change that is seen once in {watching['run_length']:.0f} windows at most, "
        "on average.",
        "Strangest in the last window: " + ", ".join(f"{one['signal']} (p {one['p_value']:.2g})" for one in strange),
    ]
    alerts.open_alert(
        connection,
        WATCH_ALERT,
        Severity.WARNING,
        WATCH_ALERT,
        "The stream has changed, window after window",
        "\n".join(lines),
        f"/sentiment/drift/{report.report_id}",
    )


def summary(verdict: detectors.Verdict, moved: dict[str, Any], hurt: Harm) -> str:
    """What moved and whether it hurts, in a few lines."""
    lines = [_sentence(one) for one in verdict.drifted]
    if moved["words"]:
        changes = (f"{one['word']} {one['before']:.1%} to {one['now']:.1%}" for one in moved["words"])
        lines.append("Words: " + ", ".join(changes))
    for one in moved["airlines"][:3]:
        lines.append(
            f"{one['airline']}: {one['share']:.0%} to {one['share_now']:.0%} of the tweets, "
            f"negative {one['negative']:.0%} to {one['negative_now']:.0%}"
        )
    if moved["examples"]:
        lines.append("Look at tweets " + ", ".join(one["tweet_id"] for one in moved["examples"]))
    if hurt.loss is not None:
        sure = "" if hurt.certain else " (within chance)"
        lines.append(f"Macro-F1, {hurt.by}: {-hurt.loss:+.3f} against the reference{sure}")
    return "\n".join(lines)


def _sentence(one: detectors.SignalResult) -> str:
    """A signal in words."""
    what = f" ({one.what})" if one.what else ""
    moved = f": {one.before:.3f} to {one.now:.3f}" if one.before is not None and one.now is not None else ""
    name = one.signal.replace("_", " ")
    return f"{name}{what}{moved}; effect {one.effect:.3f}, floor {one.floor:.3f}, p {one.adjusted:.2g}"
