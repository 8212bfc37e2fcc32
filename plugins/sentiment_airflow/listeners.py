"""A failed run opens an alert, and the next good run of the same DAG resolves it.

These functions run inside the scheduler: whatever goes wrong here is logged and never raised.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Open (or count again) the alert of this DAG."""
    try:
        from sentiment_airflow.dag_alerts import opened

        opened(dag_run.dag_id, dag_run.run_id, f"DAG {dag_run.dag_id} failed", f"Run {dag_run.run_id}: {msg}")
    except Exception:
        log.exception("The alert of the failed run %s could not be opened", dag_run.run_id)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    """Resolve the alert of this DAG, if one is open."""
    try:
        from sentiment_airflow.dag_alerts import resolved

        resolved(dag_run.dag_id)
    except Exception:
        log.exception("The alert of %s could not be resolved", dag_run.dag_id)
