"""Drift pages: the newest reports, one report, and Evidently's HTML pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.console import drift_distributions, kept_pages, signal_names
from sentiment_lib.drift import quality_text
from sentiment_lib.drift.signals import value_text
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.lines import Point, lines
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.records import DriftReport
from sentiment_lib.settings import Settings
from sentiment_lib.storage import drift_history, drift_reports
from sentiment_lib.storage.drift_reports import StoredReport
from sentiment_lib.storage.page import page_of


def list_view(connection: Connection, before: int | None = None) -> dict[str, Any]:
    """Template values of a page of reports with ids below `before`; the chart is on the first page."""
    reports = drift_reports.newest_reports(connection, REPORTS + 1, before=before)
    page = page_of(reports, REPORTS, lambda report: report.report_id)
    chart = over_time(connection) if before is None else None
    return {"rows": page.rows, "older": page.older, "first": before is None, "chart": chart}


def view(connection: Connection, report_id: int) -> StoredReport:
    """The report with this id. Raises NotFound for an unknown id."""
    return drift_reports.full_report(connection, report_id)


#: Signals drawn over time, and reports, of which a page lists as many.
DRAWN, REPORTS = 4, 60
#: Most of a signal's effect that is drawn, in thresholds.
MOST = 5.0


def over_time(connection: Connection) -> Chart | None:
    """The signals that came closest to their thresholds or crossed them, report by report; None without two reports."""
    reports = drift_history.signals(connection, REPORTS)
    if len(reports) < 2:
        return None
    points: dict[str, list[Point]] = {}
    for at, signals in reports:
        for signal in signals:
            if signal["floor"]:
                value = min(float(signal["effect"]) / float(signal["floor"]), MOST)
                name = signal_names.signal_name({"signal": signal["signal"]})
                points.setdefault(name, []).append(Point(at=at, value=value))
    largest = sorted(points, key=lambda name: -max(point.value for point in points[name]))[:DRAWN]
    title = f"Signals that changed most, in thresholds: drift only above the dashed line; capped at {MOST:g}"
    return lines(title, {name: points[name] for name in largest}, axis="thresholds", level=1.0)


def values(report: StoredReport, policy: DriftPolicy) -> dict[str, Any]:
    """Template values of a report's page."""
    return {
        "report": report,
        "answer": answer(report, policy),
        "impact": impact(report, policy),
        "signal_name": signal_names.signal_name,
        "value_text": value_text,
        "charts": drift_distributions.charts(report.details),
    }


def answer(report: StoredReport, policy: DriftPolicy) -> str:
    """The report in a sentence or two."""
    drifted = [signal_names.signal_name(signal) for signal in report.signals if signal["drifted"]]
    if report.verdict == "too_few":
        return "Too few tweets to judge whether they changed."
    if not drifted and not report.details.get("clear", True):
        return "No signal drifted at the stricter level of a check between two windows, but changes may still be there."
    if not drifted:
        return "The tweets are as they were before: no signal drifted."
    names = ", ".join(drifted[:3]) + (f" and {len(drifted) - 3} more" if len(drifted) > 3 else "")
    return f"The tweets changed: {names}. {impact(report, policy)}"


def impact(report: StoredReport | DriftReport, policy: DriftPolicy) -> str:
    """What the change means for quality: the same figure and words as in the alert."""
    details: Mapping[str, Any] = report.details
    low, high = details.get("loss_interval") or (None, None)
    return quality_text.conclude(
        report.loss,
        low,
        high,
        details.get("loss_by"),
        limit=policy.quality_loss,
        critical=report.severity == "critical",
    )


def figures(report: StoredReport) -> dict[str, Any]:
    """All figures of a report except its signals."""
    names = ("severity", "wants_retrain", "loss", "continuous")
    return {**{name: getattr(report, name) for name in names}, **report.details}


def page(connection: Connection, settings: Settings, report_id: int) -> Path:
    """Path of a report's Evidently page. Raises NotFound when the page no longer exists."""
    return kept_pages.path(settings, view(connection, report_id).html_path, of=f"drift report {report_id}")
