"""A failed run opens an alert; a run in success resolves the alerts of failures before it.

These functions run inside the scheduler, so they log whatever goes wrong and never raise.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Open the alert of this DAG, unless a failed task has one."""
    try:
        from sentiment_airflow.dag_alerts import open_run_alert

        title, body = f"DAG {dag_run.dag_id} failed", f"Run {dag_run.run_id}: {msg}"
        open_run_alert(dag_run.dag_id, dag_run.run_id, dag_run.start_date, title, body)
    except Exception:
        log.exception("The alert of the failed run %s could not be opened", dag_run.run_id)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:  # noqa: ARG001
    """Resolve the alerts of this DAG and its tasks that this run did not raise itself."""
    try:
        from sentiment_airflow.dag_alerts import resolve_alerts

        resolve_alerts(dag_run.dag_id, dag_run.start_date)
    except Exception:
        log.exception("The alerts of %s could not be resolved", dag_run.dag_id)
