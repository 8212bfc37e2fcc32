"""Housekeeping: reconcile the registry, catch up, check the last promotion, evaluate alert rules, count new labels."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import chain, dag
from sentiment_airflow import defaults, maintain_tasks


@dag(
    description="Housekeeping every ten minutes: reconcile, roll back, alert, count labels",
    schedule="*/10 * * * *",
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags=["sentiment", "monitoring"],
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def maintain() -> None:
    chain(
        maintain_tasks.reconcile(),
        maintain_tasks.catch_up(),
        maintain_tasks.score_shadow(),
        maintain_tasks.auto_rollback(),
        maintain_tasks.check_alerts(),
        maintain_tasks.check_paused_dags(),
        maintain_tasks.cancel_stale_approvals(),
        maintain_tasks.count_labels(),
        maintain_tasks.check_champion(),
    )


maintain()
