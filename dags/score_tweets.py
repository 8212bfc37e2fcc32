"""Scores tweets that wait for the champion, and rescores older ones after a promotion."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, chain, dag, task
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
    def score(*, outlet_events: Any) -> list[list[int]]:
        """Store the champion's predictions, and return what is left to others: nothing, or ranges of tweet ids.

        Skip when there is nothing to score.
        """
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import run_step

        from sentiment_lib.steps.scoring import spread

        begun = run_step(spread.begin)
        if not begun.result.scored:
            raise AirflowSkipException("no tweet waits for a prediction")
        outlet_events[PREDICTIONS].extra = {"scored": begun.result.scored, "model_version": begun.result.model_version}
        print(begun.result)
        return [list(ids) for ids in begun.ranges]

    @task(max_active_tis_per_dagrun=defaults.policy().score.tasks)
    def score_range(ids: list[int]) -> dict[str, Any]:
        """Store the champion's predictions of what waits from one tweet id to another."""
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.scoring import score

        first, last = ids
        return to_xcom(run_step(score.run, ids=(first, last)))

    @task(outlets=[PREDICTIONS], trigger_rule="none_skipped")  # also when a range failed
    def score_rest() -> dict[str, Any]:
        """Score what came meanwhile, and what a failed task left."""
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.scoring import score

        return to_xcom(run_step(score.run))

    chain(score_range.expand(ids=score()), score_rest())


score_tweets()
