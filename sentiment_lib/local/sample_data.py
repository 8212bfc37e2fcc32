"""First start with an empty database: load the sample stream, and trigger the first runs."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from sentiment_lib import clock
from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.errors import SentimentError
from sentiment_lib.settings import Settings
from sentiment_lib.sources import living_sample
from sentiment_lib.sources.sample_stream import SampleStream
from sentiment_lib.storage.engine import Store

DAYS, PER_DAY = 14, 400
#: In the folder of the plan: the sample is stored, and the first runs were triggered.
DONE = "first-run.done"
#: DAGs that must have run once; Airflow itself starts most of them when it first sees their schedule.
FIRST_DAGS = ("score_tweets", "retrain")
#: Seconds to wait for Airflow to answer and to know a DAG.
PATIENCE = 120.0
#: Seconds in which the scheduler creates the first run of a schedule.
SCHEDULING = 20.0


def load_sample(settings: Settings) -> None:
    """Ingest the sample stream, once and only into an empty database, before Airflow starts, and let it go on.

    The first day of the stream is stored first, so that a start that was killed continues with the same tweets.
    """
    # pandas, which commands such as `status` need not wait for
    from sentiment_lib.steps.ingestion import ingest
    from sentiment_lib.storage import tweets

    run = settings.home / living_sample.PLAN.parent
    store = Store.open(settings)
    try:
        if not (settings.home / living_sample.PLAN).exists():
            with store.begin() as connection:
                if tweets.any_stored(connection):
                    return
        now = clock.now().replace(second=0, microsecond=0)
        start = living_sample.begin(settings.home, now - timedelta(days=DAYS))
        if start is not None and not (run / DONE).exists():
            ingest.run(store, settings, SampleStream(start=start, days=DAYS, per_day=PER_DAY))
    finally:
        store.close()


def trigger_first_runs(settings: Settings, run: Path) -> None:
    """Have each of FIRST_DAGS run once; idempotent. Raises SentimentError when Airflow does not know a DAG."""
    done = run / DONE
    if done.exists() or not (run / living_sample.PLAN.name).exists():
        return
    client = AirflowClient.of_platform(settings, patience=PATIENCE)
    for dag_id in FIRST_DAGS:
        if not _count_runs(client, dag_id):
            client.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None})
    done.touch()


def _count_runs(client: AirflowClient, dag_id: str) -> int:
    """Number of runs, once the scheduler has had time to create the first one of the schedule."""
    import httpx

    path = f"/dags/{dag_id}/dagRuns"
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            client.call("GET", path)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 404 or time.monotonic() > give_up:
                raise SentimentError(f"Airflow does not know the DAG {dag_id}: {error}") from error
            time.sleep(1)
        else:
            break
    give_up = time.monotonic() + SCHEDULING
    while not (runs := int(client.call("GET", path)["total_entries"])) and time.monotonic() < give_up:
        time.sleep(1)
    return runs
