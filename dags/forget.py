"""Forgets tweets: asks X what must go, erases what was requested, and replaces models that learned from it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import chain, dag, task
from sentiment_airflow import defaults


@dag(
    description="Erase what must be forgotten, everywhere, within the policy's time",
    schedule="20 * * * *",
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    tags=["sentiment", "privacy"],
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def forget() -> None:
    @task
    def poll_compliance() -> dict[str, Any]:
        """Reasons and counts of what X asks to forget, and the request that they became."""
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.erasure import poll_compliance

        return to_xcom(run_step(poll_compliance.run), "request_id", "reasons", "uploaded")

    # requests of people are carried out when X does not respond
    @task(trigger_rule="all_done", execution_timeout=timedelta(hours=2))
    def erase() -> dict[str, Any]:
        """Numbers of the requests of which everything but the models was erased."""
        from airflow.sdk.configuration import conf
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.erasure import forget

        logs = Path(conf.get("logging", "base_log_folder"))
        return to_xcom(run_step(forget.run, models=False, task_logs=(logs,)), "erased", "waiting", "done")

    @task(execution_timeout=timedelta(hours=8), pool=defaults.policy().retrain.fine_tuning_pool)
    def replace_models() -> dict[str, Any]:
        """Versions that were trained again, and those whose packages were erased."""
        from airflow.sdk.configuration import conf
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.erasure import forget

        logs = Path(conf.get("logging", "base_log_folder"))
        return to_xcom(run_step(forget.run, task_logs=(logs,)), "done", "retrained", "erased_versions", "notes")

    chain(poll_compliance(), erase(), replace_models())


forget()
