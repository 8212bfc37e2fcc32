"""Drift pages: the newest reports, one report, and Evidently's HTML pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.errors import NotFound
from sentiment_lib.settings import Settings
from sentiment_lib.storage import drift_reports
from sentiment_lib.storage.drift_reports import ReportSummary, StoredReport


def rows(connection: Connection) -> list[ReportSummary]:
    """The newest reports."""
    return drift_reports.newest_reports(connection)


def view(connection: Connection, report_id: int) -> StoredReport:
    """The report with this id. Raises NotFound for an unknown id."""
    return drift_reports.full_report(connection, report_id)


def figures(report: StoredReport) -> dict[str, Any]:
    """All figures of a report except its signals."""
    names = ("severity", "wants_retrain", "loss", "continuous")
    return {**{name: getattr(report, name) for name in names}, **report.details}


def page(connection: Connection, settings: Settings, report_id: int) -> Path:
    """Path of a report's Evidently page. Raises NotFound when the page no longer exists."""
    return kept_page(settings, view(connection, report_id).html_path, of=f"drift report {report_id}")


def kept_page(settings: Settings, name: str | None, *, of: str) -> Path:
    """Path of a page in the reports folder. Raises NotFound for a path outside it or a missing file."""
    folder = settings.reports.resolve()
    path = (folder / (name or "")).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise NotFound(what="kept page of", key=of)
    return path
