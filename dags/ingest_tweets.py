"""Tweets come in: the landing folder, then recent tweets from X when a bearer token is set."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import Param, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import TWEETS


@dag(
    schedule="*/5 * * * *",
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    tags=["sentiment", "data"],
    params={
        "x": Param(True, type="boolean", description="also ask X, when SENTIMENT_X_BEARER_TOKEN is set"),
    },
    doc_md="""
### ingest_tweets
Claims each file of the landing folder (`SENTIMENT_HOME/landing`), stores its tweets and labels, and moves it to
`done/` or `failed/`. Then asks X for recent tweets, when a bearer token is set. Every row ends as stored, duplicate or
quarantined with a reason, and the three add up. A file that comes twice changes nothing. A sample of what was stored
is checked (missing values, ranges, repeats); a check that fails opens a `data_quality` alert.

- **Writes**: asset `tweets` (only when something new was stored), which wakes `score_tweets`.
- **By hand**: drop a file in the landing folder, or `sentiment ingest FILE`.
""",
    **defaults.DAG,
)
def ingest_tweets():
    @task
    def read_landing() -> list[dict]:
        """Everything that waits in the landing folder."""
        from sentiment_airflow.run_step import call

        return call("ingestion.ingest", "run_landing")

    @task(trigger_rule="all_done")
    def read_x(params: dict) -> list[dict]:
        """Recent tweets since the last id that is known."""
        from sentiment_airflow.run_step import call

        return call("ingestion.ingest", "run_x") if params["x"] else []

    @task(outlets=[TWEETS], trigger_rule="all_done")
    def announce(landed: list[dict] | None, found: list[dict] | None, *, outlet_events: dict) -> int:
        """Wake score_tweets, but only for something new."""
        from airflow.sdk.exceptions import AirflowSkipException

        results = [*(landed or []), *(found or [])]
        stored = sum(result["stored"] for result in results)
        labels = sum(result["labels"] for result in results)
        if not stored + labels:
            raise AirflowSkipException("nothing new")
        outlet_events[TWEETS].extra = {"stored": stored, "labels": labels}
        return stored

    @task(trigger_rule="all_done")
    def check_quality(landed: list[dict] | None, found: list[dict] | None) -> dict:
        """Is what was stored fit to learn from? An alert says so when it is not."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import call

        ids = [result["ingest_id"] for result in [*(landed or []), *(found or [])] if result["stored"]]
        if not ids:
            raise AirflowSkipException("nothing new")
        return call("ingestion.check_quality", ingest_ids=ids)

    landed = read_landing()
    found = read_x()
    landed >> found
    announce(landed, found)
    check_quality(landed, found)


ingest_tweets()
