"""Moves the champion back to an earlier approved version."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task
from sentiment_airflow import defaults, form_choices
from sentiment_airflow.assets import CHAMPION


@dag(
    description="Roll the champion back to an earlier approved version",
    schedule=None,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    tags=["sentiment", "model"],
    params={
        "to_version": form_choices.rollback_version(),
        "reason": Param(type="string", minLength=3, description="why; recorded in the ledger"),
    },
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def rollback() -> None:
    @task(outlets=[CHAMPION])
    def roll_back(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Move the alias; returns the deployment."""
        from sentiment_airflow.run_people import find_author
        from sentiment_airflow.run_step import run_key, run_step, to_xcom

        from sentiment_lib.steps.deployment import rollback

        run = run_key(dag_run)
        by = find_author(dag_run) or run
        return to_xcom(
            run_step(rollback.run, to_version=params["to_version"], reason=params["reason"], by=by, run_id=run)
        )

    roll_back()


rollback()
