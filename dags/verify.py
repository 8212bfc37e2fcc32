"""Verifies everything against the ledger every night, whatever was verified before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task
from sentiment_airflow import defaults


@dag(
    description="Verify ledger, records, packages and snapshots as a whole",
    schedule=defaults.upkeep("30 1 * * *"),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    tags=["sentiment", "monitoring"],
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def verify() -> None:
    @task(execution_timeout=timedelta(hours=5))
    def verify_all() -> dict[str, Any]:
        """Problems, and the number of rows of each kind."""
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.operations import verify_all

        return to_xcom(run_step(verify_all.run))

    verify_all()


verify()
