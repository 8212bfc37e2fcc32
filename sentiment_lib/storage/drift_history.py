"""Drift reports over time, for the pages."""

from __future__ import annotations

from datetime import datetime

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
