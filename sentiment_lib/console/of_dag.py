"""What the console shows on the page of a DAG or of one of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, text

#: Where a DAG's page leads; the others have nothing to show here.
PAGES = {
    "ingest_tweets": "/",
    "score_tweets": "/",
    "maintain": "/",
    "check_drift": "/drift",
    "retrain": "/decisions",
    "rollback": "/decisions",
}
DECIDED = text("SELECT decision_id FROM decisions WHERE requested_by = :request ORDER BY decision_id")
REPORTED = text("SELECT report_id FROM drift_reports WHERE report_id = :report")


def of_dag(dag_id: str) -> str | None:
    """Address below BASE; None for a DAG that is none of the platform's."""
    return PAGES.get(dag_id)


def of_run(connection: Connection, dag_id: str, run_id: str, checked: Mapping[str, Any] | None = None) -> str | None:
    """The decision of this run, its decisions where several families were judged, or the page of its DAG.

    `checked`: what the drift check of this run gave, once it has: the ledger does not know it, for the same windows
    again give the report of an earlier run.
    """
    if checked and connection.execute(REPORTED, {"report": checked.get("report_id")}).scalar():
        return f"/drift/{checked['report_id']}"
    request = f"{dag_id}/{run_id}"
    found = connection.execute(DECIDED, {"request": request}).scalars().all()
    if len(found) == 1:
        return f"/decisions/{found[0]}"
    if dag_id == "retrain":
        return f"/decisions?run={quote(run_id, safe='')}"
    return of_dag(dag_id)
