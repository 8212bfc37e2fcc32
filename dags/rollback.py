"""Back to an earlier champion, with a reason."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import CHAMPION


@dag(
    schedule=None,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    tags=["sentiment", "model"],
    params={
        "to_version": Param(type="integer", minimum=1, description="an earlier, approved version"),
        "reason": Param(type="string", minLength=3, description="why; it is kept in the ledger"),
    },
    doc_md="""
### rollback
Moves the champion back to a version that was approved before. Run it when the champion does harm: trigger it with the
version and a reason. The move is a deployment of its own in the ledger; nothing is deleted, and a later `retrain` can
promote again.

- **Writes**: asset `champion`.
- **By hand**: `sentiment rollback VERSION --reason "..."`.
""",
    **defaults.DAG,
)
def rollback():
    @task(outlets=[CHAMPION])
    def move_back(params: dict, dag_run: object) -> dict:
        """The deployment that moved the alias back."""
        from sentiment_airflow.run_step import asked_by, call

        by = dag_run.triggering_user_name or asked_by(dag_run)
        return call("deployment.rollback", to_version=params["to_version"], reason=params["reason"], by=by)

    move_back()


rollback()
