"""The first start with an empty database: the sample stream comes in, and the loop is set going."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from sentiment_lib.errors import SentimentError
from sentiment_lib.settings import Settings
from sentiment_lib.sources.sample_stream import SampleStream
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.storage import tweets
from sentiment_lib.storage.engine import Store

DAYS, PER_DAY = 14, 400
#: What the loop needs to have run once; Airflow starts most of it by itself when it first sees a schedule.
LOOP = ("score_tweets", "retrain")
PATIENCE = 120.0
FIRST_RUN = 20.0


def take_in(settings: Settings, run: Path) -> None:
    """The sample, once, and only into an empty database. Before Airflow starts, so that its first runs find tweets.

    The stream's first day is written down first: a start that was killed goes on with the same tweets.
    """
    plan = run / "first-run.json"
    if (run / "first-run.done").exists():
        return
    store = Store.open(settings)
    try:
        if not plan.exists():
            with store.begin() as connection:
                if tweets.any_stored(connection):
                    return
            midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            plan.write_text(json.dumps({"start": (midnight - timedelta(days=DAYS)).isoformat()}))
        start = datetime.fromisoformat(json.loads(plan.read_text())["start"])
        ingest.run(store, settings, SampleStream(start=start, days=DAYS, per_day=PER_DAY))
    finally:
        store.close()


def set_going(settings: Settings, run: Path) -> None:
    """Have each DAG of the loop run once; safe to repeat after a kill."""
    finished = run / "first-run.done"
    if finished.exists() or not (run / "first-run.json").exists():
        return
    login = {"username": settings.airflow_user, "password": settings.airflow_password.get_secret_value()}
    token = _ask(f"{settings.airflow_url}/auth/token", None, login)["access_token"]
    for dag_id in LOOP:
        address = f"{settings.airflow_url}/api/v2/dags/{dag_id}/dagRuns"
        if not _runs(address, token):
            _ask(address, token, {"logical_date": None})
    finished.touch()


def _runs(address: str, token: str) -> int:
    """How many runs the DAG has, once the scheduler has had the time to make the first one of its schedule."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            _ask(address, token)
        except HTTPError as error:
            if error.code != 404 or time.monotonic() > give_up:
                raise SentimentError(f"Airflow does not know {address}: {error}") from error
            time.sleep(1)
        else:
            break
    give_up = time.monotonic() + FIRST_RUN
    while not (runs := int(_ask(address, token)["total_entries"])) and time.monotonic() < give_up:
        time.sleep(1)
    return runs


def _ask(url: str, token: str | None, body: dict[str, Any] | None = None) -> Any:
    """One request; a server that is being restarted is waited for."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(Request(url, data, headers), timeout=30) as response:  # noqa: S310 - our own loopback address
                return json.load(response)
        except HTTPError as error:
            if error.code < 500 or time.monotonic() > give_up:
                raise
        except (URLError, ConnectionError, TimeoutError):
            if time.monotonic() > give_up:
                raise
        time.sleep(1)
