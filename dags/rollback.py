"""Moves the champion back to an earlier approved version, in the name of the approver who triggers it."""

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
        from sentiment_airflow.run_people import who_acts
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.deployment import rollback_by_run

        author = who_acts(dag_run)
        return to_xcom(
            run_step(rollback_by_run.run, to_version=params["to_version"], reason=params["reason"], author=author)
        )

    roll_back()


rollback()
