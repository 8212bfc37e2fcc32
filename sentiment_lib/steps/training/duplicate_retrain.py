"""Refuse a retrain by hand that would repeat one of the same labels: each spends a look at the holdout."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sentiment_lib import clock
from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.errors import SentimentError
from sentiment_lib.settings import Settings
from sentiment_lib.storage import decision_summaries, decisions, snapshots
from sentiment_lib.storage import labels as stored_labels
from sentiment_lib.storage.engine import Store

DAG_ID = "retrain"
#: States of a run that may still train.
ACTIVE = ("queued", "running")
#: Lock of HINTS that a retrain by hand holds.
HINT = "retrain"
_log = logging.getLogger(__name__)


class DuplicateRetrain(SentimentError):
    """{problem}. {remedy}; with --anyway it trains all the same, and its look at the holdout counts"""


def refuse(store: Store, settings: Settings, families: Sequence[str]) -> None:
    """Raise DuplicateRetrain while another retrain runs, or when its labels have judged all of these families."""
    if store.is_in_use(HINT):
        problem = "Another `sentiment retrain` is running"
        raise DuplicateRetrain(problem=problem, remedy="Wait for it: `sentiment decision list`")
    if (run_id := _undecided_run(store, settings)) is not None:
        problem = f"Airflow is retraining already, on the same labels (DAG {DAG_ID}, run {run_id})"
        raise DuplicateRetrain(problem=problem, remedy="Wait for its decision: `sentiment decision list`")
    with store.begin() as connection:
        last = snapshots.last_created_at(connection)
        if last is None or stored_labels.count_stored_since(connection, last):
            return
        judged = decision_summaries.judged_families(connection)
    if set(families) <= judged.keys():
        newest = max((judged[family] for family in families), key=lambda decision: decision.decision_id)
        minutes = int((clock.now() - newest.decided_at).total_seconds() / 60)
        number = newest.decision_id
        problem = (
            f"{', '.join(families)}: judged on the same labels {minutes} minutes ago, decision {number} "
            f"({newest.verdict}), and no label came since"
        )
        raise DuplicateRetrain(problem=problem, remedy=f"Read it: `sentiment decision show {number}`")


def what_becomes_of(pending: Sequence[int]) -> str:
    """What a retrain does to decisions that wait for an answer, as a sentence."""
    return (
        f"Waiting for an answer: decision {', '.join(map(str, pending))}. A candidate of this retrain that passes the "
        "gate is asked about instead, and what waits becomes void"
    )


def _undecided_run(store: Store, settings: Settings) -> str | None:
    """A run of Airflow's DAG that may still train; None also where Airflow cannot be asked."""
    import httpx

    if not settings.airflow_user:
        return None
    client = AirflowClient.of_platform(settings)
    query = "&".join(f"state={state}" for state in ACTIVE)
    try:
        found: dict[str, Any] = client.call("GET", f"/dags/{DAG_ID}/dagRuns?{query}&order_by=-start_date&limit=20")
    except httpx.HTTPError as error:
        _log.info("Airflow does not list runs of %s: %s", DAG_ID, error)
        return None
    with store.begin() as connection:
        # a run that waits for an approval is running too
        active = (run["dag_run_id"] for run in found["dag_runs"])
        return next((run for run in active if not decisions.ids_of_request(connection, f"{DAG_ID}/{run}")), None)
