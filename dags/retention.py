"""Removes what is past its retention, and measures what everything takes up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import chain, dag, task
from sentiment_airflow import defaults


@dag(
    description="Remove what is past its retention, and measure the size of everything",
    schedule=defaults.upkeep("30 4 * * *"),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    tags=["sentiment", "monitoring"],
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def retention() -> None:
    @task
    def remove() -> dict[str, Any]:
        """Numbers of what was removed, and bytes of tables and folders."""
        from airflow.sdk.configuration import conf
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.operations import retention

        logs = Path(conf.get("logging", "base_log_folder"))
        return to_xcom(run_step(retention.run, task_logs=(logs,)))

    @task(trigger_rule="all_done")  # a task that fails must not keep the others from running
    def remove_training_runs() -> int:
        """Number of MLflow runs removed: those that led to no version."""
        from sentiment_airflow.run_step import run_step

        from sentiment_lib.steps.operations import retention

        return run_step(retention.remove_training_runs)

    @task(trigger_rule="all_done")
    def clean_airflow() -> dict[str, int]:
        """Number of rows removed from Airflow's own database, by table."""
        from sentiment_airflow import airflow_database

        return airflow_database.clean()

    chain(remove(), remove_training_runs(), clean_airflow())


retention()
