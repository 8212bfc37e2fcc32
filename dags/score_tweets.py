"""The champion scores every tweet that it has not scored yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import CHAMPION, PREDICTIONS, TWEETS


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("17 * * * *", timezone="UTC"), assets=TWEETS | CHAMPION
    ),
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    tags=["sentiment", "data"],
    doc_md="""
### score_tweets
Scores the tweets that the champion has not scored, in batches, each distinct text once, and draws the audit sample.
Runs when `tweets` or the champion changes, and once an hour in case an event was lost. A new champion scores what is
stored too, so that drift is judged on its own predictions. Killed anywhere, the next run goes on where it
stopped: a prediction is unique by tweet and model version.

- **Reads**: assets `tweets`, `champion`. **Writes**: asset `predictions` (only when something was scored).
- **By hand**: `sentiment score`.
""",
    **defaults.DAG,
)
def score_tweets():
    @task(outlets=[PREDICTIONS])
    def score(*, outlet_events: dict) -> dict:
        """New predictions of the champion."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import call

        result = call("scoring.score")
        if not result["scored"]:
            raise AirflowSkipException("every tweet is scored")
        outlet_events[PREDICTIONS].extra = {"scored": result["scored"], "model_version": result["model_version"]}
        return result

    score()


score_tweets()
