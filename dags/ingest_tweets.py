"""Ingests tweets from the landing folder and, when a bearer token is set, from X."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task
from sentiment_airflow import defaults
from sentiment_airflow.assets import TWEETS


@dag(
    description="Ingest tweets and labels from the landing folder and from X",
    schedule="*/5 * * * *",
    start_date=datetime(2026, 1, 1),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    tags=["sentiment", "data"],
    params={
        "x": Param(True, type="boolean", description="also query X, when SENTIMENT_X_BEARER_TOKEN is set"),
    },
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def ingest_tweets() -> None:
    @task
    def read_landing() -> list[dict[str, Any]]:
        """Ingest every file of the landing folder."""
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.ingestion import ingest

        return [to_xcom(result) for result in run_step(ingest.run_landing)]

    @task(trigger_rule="all_done")  # a broken file must not stop X
    def read_x(params: dict[str, Any]) -> list[dict[str, Any]]:
        """Ingest recent tweets from X, newer than the last stored id."""
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.ingestion import ingest

        return [to_xcom(result) for result in run_step(ingest.run_polled)] if params["x"] else []

    @task(outlets=[TWEETS], trigger_rule="all_done")
    def announce(
        landing: list[dict[str, Any]] | None, x: list[dict[str, Any]] | None, *, outlet_events: Any
    ) -> dict[str, int]:
        """Update the asset `tweets`, which triggers score_tweets; skip when nothing new was stored."""
        from airflow.sdk.exceptions import AirflowSkipException

        results = [*(landing or []), *(x or [])]
        counts = {count: sum(result[count] for result in results) for count in ("stored", "labels")}
        if not any(counts.values()):
            raise AirflowSkipException("nothing new")
        outlet_events[TWEETS].extra = counts
        return counts

    @task(trigger_rule="all_done")
    def check_quality(landing: list[dict[str, Any]] | None, x: list[dict[str, Any]] | None) -> dict[str, Any]:
        """Check a sample of the stored tweets; a failed check opens a `data_quality` alert."""
        from airflow.sdk.exceptions import AirflowSkipException
        from sentiment_airflow.run_step import run_step, to_xcom

        from sentiment_lib.steps.ingestion import check_quality

        ingest_ids = [result["ingest_id"] for result in [*(landing or []), *(x or [])] if result["stored"]]
        if not ingest_ids:
            raise AirflowSkipException("nothing new")
        return to_xcom(run_step(check_quality.run, ingest_ids=ingest_ids))

    landing = read_landing()
    x = read_x()
    landing >> x
    announce(landing, x)
    check_quality(landing, x)


ingest_tweets()
