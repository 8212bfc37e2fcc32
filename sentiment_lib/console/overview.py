"""Overview page: champion, quality, drift, alerts, pending approvals and the age of each stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.lines import Event, Point, lines
from sentiment_lib.storage import (
    alerts,
    daily_quality,
    decisions,
    deployments,
    drift_reports,
    label_counts,
    model_versions,
    stage_times,
)

#: Days shown in the quality chart.
DAYS = 60
#: Pending approvals shown.
PENDING = 5


def view(connection: Connection) -> dict[str, Any]:
    """Template values of the overview page."""
    champion = model_versions.champion(connection)
    version = champion.version if champion else None
    return {
        "champion": champion,
        "since": deployments.last_move(connection),
        "waiting": [
            (decision, answer_address(decision.requested_by))
            for decision in decisions.waiting(connection)[::-1][:PENDING]
        ],
        "drift": next(iter(drift_reports.newest_reports(connection, limit=1)), None),
        "alerts": alerts.list_alerts(connection, "unresolved", 20),
        "to_label": label_counts.audit_waiting(connection),
        "stages": stage_times.stage_times(connection, version),
        "chart": _quality(connection),
    }


def answer_address(requested_by: str) -> str | None:
    """Airflow's page for answering the approval of this request; None for requests from the command line."""
    dag_id, slash, run_id = requested_by.partition("/")
    return f"/dags/{dag_id}/runs/{run_id}/tasks/approval/required_actions" if slash else None


def _quality(connection: Connection) -> Chart | None:
    since = (datetime.now(UTC) - timedelta(days=DAYS)).date()
    days: dict[str, list[Point]] = {}
    for row in daily_quality.series(connection, since):
        at = datetime(row.day.year, row.day.month, row.day.day, tzinfo=UTC)
        days.setdefault(f"version {row.model_version}, estimated", []).append(
            Point(at=at, value=row.estimated, low=row.estimated_low, high=row.estimated_high)
        )
        if row.powered is not None:
            days.setdefault(f"version {row.model_version}, measured", []).append(
                Point(at=at, value=row.powered, low=row.powered_low, high=row.powered_high)
            )
    if not days:
        return None
    events = [
        Event(at=change.at, text=f"version {change.model_version} ({change.kind})")
        for change in daily_quality.champion_changes(connection, since)
    ]
    return lines("Macro-F1 by day, with 95 % intervals", dict(days), axis="macro-F1", events=events, share=True)
