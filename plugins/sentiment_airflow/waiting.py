"""Questions that wait in Airflow: those that a newer one supersedes are taken away over Airflow's REST API."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

log = logging.getLogger(__name__)

TIMEOUT = 20  # seconds


def withdraw(requests: Iterable[str], task_id: str = "approval") -> int:
    """End the waiting question of each "dag_id/run_id"; gives how many were ended.

    The ledger has already voided them, so this is a courtesy to people: when it cannot be done (no account of the
    platform's own is set), the question stays until it expires, and an answer to it is recorded as void.
    """
    from sentiment_lib.settings import load_settings

    settings = load_settings()
    # a decision that was asked for on the command line has no question in Airflow
    targets = [request.partition("/")[::2] for request in requests if "/" in request]
    if not targets:
        return 0
    if not settings.airflow_user:
        log.warning("SENTIMENT_AIRFLOW_USER is not set: superseded questions stay in the UI until they expire")
        return 0
    base = settings.airflow_url.rstrip("/")
    login = {"username": settings.airflow_user, "password": settings.airflow_password.get_secret_value()}
    token = _send("POST", f"{base}/auth/token", login)["access_token"]
    ended = 0
    for dag_id, run_id in targets:
        url = f"{base}/api/v2/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}"
        try:
            if _send("GET", url, token=token)["state"] != "awaiting_input":
                continue
            _send("PATCH", url, {"new_state": "skipped", "note": "Superseded by a newer PROMOTE"}, token)
        except HTTPError as error:
            if error.code != 404:  # a run that was deleted waits for nobody
                raise
        else:
            ended += 1
    return ended


def _send(method: str, url: str, body: Any = None, token: str | None = None) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers=headers, method=method)  # noqa: S310 - the URL is a setting
    with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
        return json.loads(response.read() or b"null")
