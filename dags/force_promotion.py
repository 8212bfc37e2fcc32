"""Promotes the candidate of a decision against the gate, in the name of the approver who triggers it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import CHAMPION


@dag(
    description="Promote a held or rejected candidate by force, with a reason and a critical alert",
    schedule=None,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    tags=["sentiment", "model"],
    params={
        "decision_id": Param(type="integer", minimum=1, description="the decision whose candidate is promoted"),
        "reason": Param(type="string", minLength=3, description="why; recorded in the ledger and in the alert"),
    },
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def force_promotion() -> None:
    @task(outlets=[CHAMPION])
    def promote_by_force(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Move the alias; returns the deployment."""
        from sentiment_airflow.run_people import who_acts
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.deployment import force_promotion

        deployment = run_step(
            force_promotion.run,
            decision_id=params["decision_id"],
            reason=params["reason"],
            author=who_acts(dag_run),
        )
        return to_xcom(deployment)

    promote_by_force()


force_promotion()
