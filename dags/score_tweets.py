"""Scores tweets that wait for the champion, and rescores older ones after a promotion."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import CHAMPION, PREDICTIONS, TWEETS


@dag(
    description="Score new tweets with the champion, and sample tweets for the audit",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("17 * * * *", timezone="UTC"), assets=TWEETS | CHAMPION
    ),
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    tags=["sentiment", "data"],
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def score_tweets() -> None:
    @task(outlets=[PREDICTIONS])
    def score(*, outlet_events: Any) -> dict[str, Any]:
        """Store the champion's predictions; skip when there is nothing to score."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.scoring import score

        result = run_step(score.run)
        if not result.scored:
            raise AirflowSkipException("no tweet waits for a prediction")
        outlet_events[PREDICTIONS].extra = {"scored": result.scored, "model_version": result.model_version}
        return to_xcom(result)

    score()


score_tweets()
