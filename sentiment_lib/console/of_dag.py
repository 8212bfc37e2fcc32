"""What the console shows on the page of a DAG or of one of its runs."""

from __future__ import annotations

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


def of_dag(dag_id: str) -> str | None:
    """Address below BASE; None for a DAG that is none of the platform's."""
    return PAGES.get(dag_id)


def of_run(connection: Connection, dag_id: str, run_id: str) -> str | None:
    """The decision of this run, its decisions where several families were judged, or the page of its DAG."""
    request = f"{dag_id}/{run_id}"
    found = connection.execute(DECIDED, {"request": request}).scalars().all()
    if len(found) == 1:
        return f"/decisions/{found[0]}"
    if dag_id == "retrain":
        return f"/decisions?run={quote(run_id, safe='')}"
    return of_dag(dag_id)
