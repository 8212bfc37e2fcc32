"""Drift reports: the newest ones, and one with its signals, what moved, and Evidently's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.errors import NotFound
from sentiment_lib.settings import Settings

LIST = text(
    """
    SELECT report_id, model_version, verdict, current_start, current_end, created_at, html_path,
           (SELECT count(*) FROM jsonb_array_elements(signals) s WHERE (s ->> 'drifted')::boolean) AS moved
    FROM drift_reports ORDER BY report_id DESC LIMIT 60
    """
)
ONE = text("SELECT * FROM drift_reports WHERE report_id = :report")


def rows(connection: Connection) -> list[dict[str, Any]]:
    """The newest reports."""
    return [dict(row) for row in connection.execute(LIST).mappings()]


def view(connection: Connection, report_id: int) -> dict[str, Any]:
    """One report; NotFound when there is none."""
    row = connection.execute(ONE, {"report": report_id}).mappings().one_or_none()
    if row is None:
        raise NotFound(what="drift report", key=report_id)
    return dict(row)


def page(connection: Connection, settings: Settings, report_id: int) -> Path:
    """Evidently's page of a report; NotFound when it was not kept."""
    return kept_page(settings, view(connection, report_id)["html_path"], of=f"drift report {report_id}")


def kept_page(settings: Settings, name: str | None, *, of: str) -> Path:
    """A page inside the reports folder; NotFound when it is elsewhere, or was not kept."""
    folder = settings.reports.resolve()
    path = (folder / (name or "")).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise NotFound(what="kept page of", key=of)
    return path
