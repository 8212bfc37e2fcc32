"""Questions that wait in Airflow: those that a newer one supersedes are taken away over Airflow's REST API."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.error import HTTPError

from sentiment_airflow.api_client import connect

log = logging.getLogger(__name__)


def withdraw(requests: Iterable[str], task_id: str = "approval") -> int:
    """End the waiting question of each "dag_id/run_id"; gives how many were ended.

    The ledger has already voided them, so this is a courtesy to people: when it cannot be done (no account of the
    platform's own is set), the question stays until it expires, and an answer to it is recorded as void.
    """
    # a decision that was asked for on the command line has no question in Airflow
    targets = [request.partition("/")[::2] for request in requests if "/" in request]
    if not targets:
        return 0
    api = connect()
    if api is None:
        log.warning("SENTIMENT_AIRFLOW_USER is not set: superseded questions stay in the UI until they expire")
        return 0
    ended = 0
    for dag_id, run_id in targets:
        try:
            if api.task("GET", dag_id, run_id, task_id)["state"] != "awaiting_input":
                continue
            note = "Superseded by a newer PROMOTE"
            api.task("PATCH", dag_id, run_id, task_id, {"new_state": "skipped", "note": note})
        except HTTPError as error:
            if error.code != 404:  # a run that was deleted waits for nobody
                raise
        else:
            ended += 1
    return ended
