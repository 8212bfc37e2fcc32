"""Console address for the Airflow page of a DAG or of a DAG run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from sentiment_lib.storage import decisions, drift_reports

#: Console address by DAG id.
PAGES = {
    "ingest_tweets": "/",
    "score_tweets": "/",
    "maintain": "/",
    "check_drift": "/drift",
    "retrain": "/decisions",
    "rollback": "/decisions",
    "force_promotion": "/decisions",
    "replay": "/retraining",
}


def of_dag(dag_id: str) -> str | None:
    """Console address (below BASE) of a DAG; None for other DAGs."""
    return PAGES.get(dag_id)


def of_run(
    connection: Connection,
    dag_id: str,
    run_id: str,
    checked: Mapping[str, Any] | None = None,
    replayed: Mapping[str, Any] | None = None,
) -> str | None:
    """Address of the run's decision, of its list of decisions, or of its DAG's page; None for other DAGs.

    `checked` is the result of the run's drift check, if any. It is passed in because reports do not record their run:
    a check of the same windows returns the report of an earlier run. `replayed` is the result of the run's replay.
    """
    if replayed and replayed.get("evidence_hash"):
        return f"/replays/{quote(str(replayed['evidence_hash']), safe='')}"
    if checked and drift_reports.report_exists(connection, checked.get("report_id")):
        return f"/drift/{checked['report_id']}"
    ids = decisions.ids_of_request(connection, f"{dag_id}/{run_id}")
    if len(ids) == 1:
        return f"/decisions/{ids[0]}"
    if dag_id == "retrain":
        return f"/decisions?run={quote(run_id, safe='')}"
    return of_dag(dag_id)
