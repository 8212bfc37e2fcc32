"""Drift reports over time, for the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.storage import drift_reports
from sentiment_lib.storage.drift_reports import StoredReport


def newest_until(connection: Connection, moment: datetime) -> StoredReport | None:
    """The report whose current window ends last, at `moment` or before; None without one."""
    report_id = connection.execute(
        text(
            "SELECT report_id FROM drift_reports WHERE current_end <= :moment AND verdict <> 'too_few' "
            "ORDER BY current_end DESC, report_id DESC LIMIT 1"
        ),
        {"moment": moment},
    ).scalar()
    return None if report_id is None else drift_reports.full_report(connection, report_id)


def signals(connection: Connection, limit: int) -> list[tuple[datetime, list[dict[str, Any]]]]:
    """End of the current window and signals of the newest reports that had enough tweets, oldest first."""
    rows = connection.execute(
        text(
            "SELECT current_end, signals FROM drift_reports WHERE verdict <> 'too_few' "
            "ORDER BY report_id DESC LIMIT :limit"
        ),
        {"limit": limit},
    ).all()
    return sorted(((row.current_end, list(row.signals)) for row in rows), key=lambda row: row[0])
