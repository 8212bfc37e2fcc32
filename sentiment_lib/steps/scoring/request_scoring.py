"""Have Airflow score what a command has just ingested, instead of waiting for its hourly run."""

from __future__ import annotations

import logging

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.settings import Settings

DAG_ID = "score_tweets"
_log = logging.getLogger(__name__)


def run(settings: Settings) -> bool:
    """Trigger the DAG that scores; False without an account in Airflow, or where Airflow is away or refuses."""
    import httpx

    if not settings.airflow_user:
        return False
    client = AirflowClient.of_platform(settings)
    try:
        client.call("POST", f"/dags/{DAG_ID}/dagRuns", {"logical_date": None, "note": "tweets of a command"})
    except httpx.HTTPError as error:
        _log.info("Airflow does not start %s: %s", DAG_ID, error)
        return False
    return True
