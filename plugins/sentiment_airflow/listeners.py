"""A failed run opens an alert, and the next good run of the same DAG resolves it.

These functions run inside the scheduler: whatever goes wrong here is logged and never raised.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

KIND = "dag_failure"


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Open (or count again) the alert of this DAG."""
    try:
        from sentiment_lib.alerts import rules

        with _transaction() as connection:
            rules.open_alert(
                connection,
                kind=KIND,
                severity="critical",
                dedup_key=f"{KIND}/{dag_run.dag_id}",
                title=f"DAG {dag_run.dag_id} failed",
                body=f"Run {dag_run.run_id}: {msg}",
                evidence_link=f"/dags/{dag_run.dag_id}/runs/{dag_run.run_id}",
            )
    except Exception:
        log.exception("The alert of the failed run %s could not be opened", dag_run.run_id)


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    """Resolve the alert of this DAG, if one is open."""
    try:
        from sentiment_lib.alerts import rules

        with _transaction() as connection:
            rules.resolve(connection, f"{KIND}/{dag_run.dag_id}")
    except Exception:
        log.exception("The alert of %s could not be resolved", dag_run.dag_id)


def _transaction() -> Any:
    """One short transaction on a connection of its own; the scheduler keeps nothing open."""
    from contextlib import contextmanager

    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    @contextmanager
    def opened() -> Any:
        store = Store.open(load_settings())
        try:
            with store.begin() as connection:
                yield connection
        finally:
            store.close()

    return opened()
