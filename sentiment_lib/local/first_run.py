"""The first start with an empty database: the sample stream comes in, and the loop is set going."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from sqlalchemy import text

from sentiment_lib.settings import Settings
from sentiment_lib.sources.sample_stream import SampleStream
from sentiment_lib.steps import ingest
from sentiment_lib.storage.engine import Store

DAYS, PER_DAY = 14, 400


def begin(settings: Settings, run: Path) -> bool:
    """True when the sample was taken in and the DAGs were asked to start; safe to repeat after a kill."""
    plan, finished = run / "first-run.json", run / "first-run.done"
    if finished.exists():
        return False
    store = Store.open(settings)
    try:
        if not plan.exists():
            with store.begin() as connection:
                if connection.execute(text("SELECT EXISTS (SELECT FROM tweets)")).scalar_one():
                    finished.touch()
                    return False
            midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            plan.write_text(json.dumps({"start": (midnight - timedelta(days=DAYS)).isoformat()}))
        start = datetime.fromisoformat(json.loads(plan.read_text())["start"])
        ingest.run(store, settings, SampleStream(start=start, days=DAYS, per_day=PER_DAY))
    finally:
        store.close()
    for dag_id in ("score_tweets", "retrain"):
        _trigger(settings, dag_id)
    finished.touch()
    return True


def _trigger(settings: Settings, dag_id: str) -> None:
    login = {"username": settings.airflow_user, "password": settings.airflow_password.get_secret_value()}
    token = _post(f"{settings.airflow_url}/auth/token", login)["access_token"]
    _post(f"{settings.airflow_url}/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None}, token)


def _post(url: str, body: dict[str, Any], token: str | None = None) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - our own loopback address
    with urlopen(request, timeout=30) as response:  # noqa: S310
        return json.load(response)
