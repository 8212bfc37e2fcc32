"""Airflow's REST API by the platform's own account (SENTIMENT_AIRFLOW_USER), for what a task cannot ask otherwise."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

TIMEOUT = 20  # seconds


class AirflowApi:
    """A logged-in client; HTTPError for what Airflow refuses."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._base = url.rstrip("/")
        self._token: str | None = None
        self._token = self._send("POST", "/auth/token", {"username": user, "password": password})["access_token"]

    def task(self, method: str, dag_id: str, run_id: str, path: str, body: Any = None) -> Any:
        """A request on one run's task instance; path: the task id and what follows it."""
        run = f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"
        return self._send(method, f"{run}/taskInstances/{path}", body)

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._base + path, data=data, headers=headers, method=method)  # noqa: S310 - a setting
        with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            return json.loads(response.read() or b"null")


def connect() -> AirflowApi | None:
    """The client by the settings; None when no account of the platform's own is set."""
    from sentiment_lib.settings import load_settings

    settings = load_settings()
    if not settings.airflow_user:
        return None
    return AirflowApi(settings.airflow_url, settings.airflow_user, settings.airflow_password.get_secret_value())
