"""Ends approvals in Airflow's UI that were superseded or answered elsewhere, over Airflow's REST API."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import product
from urllib.parse import quote

from sentiment_airflow import defaults
from sentiment_airflow.platform_client import connect

log = logging.getLogger(__name__)
#: Why Airflow has no response; ends with the run.
NOTE = (
    "Not answered in this form: superseded by a newer request, or answered with `sentiment approve`. What was decided, "
    "and who answered: /sentiment/decisions?run="
)


def cancel_stale(run_keys: Iterable[str]) -> int:
    """Skip the pending approval of each "dag_id/run_id"; returns how many were skipped.

    The ledger has voided them already, so this only removes forms without effect. Without an account for the platform
    (SENTIMENT_AIRFLOW_USER) an approval stays in the UI until it expires, and a response to it is recorded as void.
    """
    from sentiment_lib.storage.approval_requests import of_airflow

    # an approval that was requested on the command line has no task in Airflow
    runs = [key.partition("/")[::2] for key in run_keys if of_airflow(key)]
    if not runs:
        return 0
    client = connect()
    if client is None:
        log.warning("SENTIMENT_AIRFLOW_USER is not set: superseded approvals stay in the UI until they expire")
        return 0
    import httpx

    from sentiment_lib.airflow_client import task_path

    cancelled = 0
    for (dag_id, run_id), task_id in product(runs, defaults.approval_tasks()):
        path = task_path(dag_id, run_id, task_id)
        try:
            if client.call("GET", path)["state"] != "awaiting_input":
                continue
            client.call(
                "PATCH",
                path,
                {"new_state": "skipped", "note": f"{NOTE}{quote(run_id, safe='')}"},
            )
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 404:  # not found: the run was deleted
                raise
        else:
            cancelled += 1
    return cancelled
