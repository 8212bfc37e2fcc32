"""Restores the newest backup into a scratch folder once a week, and verifies it there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task
from sentiment_airflow import defaults


@dag(
    description="Restore the newest backup into a scratch folder and verify it",
    schedule=defaults.upkeep("0 5 * * 0"),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    tags=["sentiment", "backup"],
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def restore_drill() -> None:
    @task(execution_timeout=timedelta(hours=4))
    def restore() -> dict[str, Any]:
        """Whether it was restored, and in how many seconds; fails when `verify` finds anything."""
        from sentiment_airflow import backup_tasks

        return backup_tasks.drill()

    restore()


restore_drill()
