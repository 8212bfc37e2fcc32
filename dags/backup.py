"""Takes a backup of everything once a day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task
from sentiment_airflow import defaults


@dag(
    description="Back up databases, files and, apart, the secrets, encrypted",
    schedule=defaults.upkeep("30 2 * * *"),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    tags=["sentiment", "backup"],
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def backup() -> None:
    @task(execution_timeout=timedelta(hours=2))
    def back_up() -> dict[str, Any]:
        """Name, moment, size and hash of the backup; skipped while nobody is set to whom it would be encrypted."""
        from sentiment_airflow import backup_tasks

        return backup_tasks.back_up()

    back_up()


backup()
