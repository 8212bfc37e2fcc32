"""The people behind a run of Airflow: who triggered it, who cleared it, who sent the asset event that started it.

Airflow's records are read with the platform's account. Who cannot be established is UNKNOWN, who may not approve and
counts as no other person than the one who does.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sentiment_lib.airflow_client import AirflowClient, dag_path, run_path
from sentiment_lib.records import UNKNOWN
from sentiment_lib.settings import Settings

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

#: A run may be set back to the state "queued", and its tasks run again that have no state.
OF_STATE = "patch_dag_run"
#: Events of Airflow's audit log by which tasks run again.
CLEARING = (
    "clear_dag_run",
    "clear_dag_runs",
    "post_clear_task_instances",
    "bulk_task_instances",
    "bulk_dag_runs",
    OF_STATE,
)
#: The one that names its run in its body, or clears the tasks of every run within dates.
OF_TASKS = "post_clear_task_instances"
#: The event of an asset event that a person sends.
SENDING = "create_asset_event"
#: Airflow logs a request just before it acts.
AROUND = timedelta(minutes=1)
#: More rows than this of one run are no honest use.
MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class AssetOrigin:
    """Where an asset event came from: the run whose task sent it, or neither DAG nor run for Airflow's REST API."""

    dag_id: str | None
    run_id: str | None
    at: datetime


def find(
    settings: Settings,
    *,
    dag_id: str,
    run_id: str,
    triggered_by: str | None,
    clears: int | None = 0,
    since: datetime | None = None,
    origins: Sequence[AssetOrigin] = (),
) -> frozenset[str]:
    """The people behind a run; empty for a scheduled run that nobody touched.

    triggered_by: as Airflow recorded it; clears: how often the run was cleared, None for an unknown number, as Airflow
    counts; since: when it was to run; origins: of the asset events that started it. The audit log decides whatever the
    number says: Airflow does not count tasks that are cleared without their run. Raises httpx.TransportError when
    Airflow cannot be reached.
    """
    people = {triggered_by} if triggered_by else set[str]()
    if not settings.airflow_user:
        return frozenset({*people, UNKNOWN} if clears != 0 or origins else people)
    client = AirflowClient.of_platform(settings)
    people |= _who_cleared(client, dag_id, run_id, clears or 0, since)
    for origin in origins:
        people |= _who_sent(client, origin)
    return frozenset(people - {settings.airflow_user})


def _who_cleared(
    client: AirflowClient, dag_id: str, run_id: str, clears: int, since: datetime | None = None
) -> set[str]:
    """Who cleared the run or its tasks, and UNKNOWN when the audit log names fewer occasions than there were."""
    events = _events(client, CLEARING, since, dag_id=dag_id)
    of_tasks = _clears_of_tasks(client, dag_id, run_id)
    if events is None or of_tasks is None:
        return {UNKNOWN}
    found = [one for one in events if _concerns(one, run_id, since)]
    counted = [one for one in found if one["event"] != OF_STATE]
    unaccounted = len(counted) < clears or any(
        sum(_may_clear(one, task) for one in counted) < times for task, times in of_tasks
    )
    return {one["owner"] or UNKNOWN for one in found} | ({UNKNOWN} if unaccounted else set())


def _clears_of_tasks(client: AirflowClient, dag_id: str, run_id: str) -> list[tuple[str, int]] | None:
    """At least how often each task of the run was cleared; None where Airflow does not say.

    Airflow writes no audit row for some requests that it obeys (`"dry_run": "false"`), but each clear of a task that
    ran lets it be tried again: after k clears at most k * (retries + 1) + retries tries are allowed.
    """
    tasks = _get(client, f"{dag_path(dag_id)}/tasks")
    found = _rows(client, f"{run_path(dag_id, run_id)}/taskInstances", "task_instances")
    if tasks is None or found is None:
        return None
    retries = {one["task_id"]: int(one["retries"] or 0) for one in tasks["tasks"]}
    return [(one["task_id"], _clears(one["max_tries"], retries.get(one["task_id"], 0))) for one in found]


def _may_clear(event: Mapping[str, Any], task_id: str) -> bool:
    """Whether a clear may be one of this task: it names the task, or none, or others with what depends on them."""
    try:
        said = dict(json.loads(event["extra"] or "{}"))
    except (ValueError, TypeError):
        return True
    named = said.get("task_ids")
    if not isinstance(named, list) or any(said.get(f"include_{way}") for way in ("upstream", "downstream")):
        return True
    return task_id in [one[0] if isinstance(one, list) and one else one for one in named]


def _clears(allowed: int, retries: int) -> int:
    """The fewest clears after which Airflow allows a task so many retries."""
    return max(0, math.ceil((allowed - retries) / (retries + 1)))


def _concerns(event: Mapping[str, Any], run_id: str, since: datetime | None) -> bool:
    """Whether a clear is one of this run: its address says so, or its body, which names runs or dates."""
    body = event["extra"] or ""
    if event["event"] == OF_STATE:
        # the row's run may come from the query of the address: each run of the DAG may be meant
        return _may_queue(body) and not _before(event, since)
    if event["run_id"] == run_id or run_id in body:
        return True
    if event["event"] != OF_TASKS or _before(event, since):
        return False
    try:
        said = dict(json.loads(body))
    except (ValueError, TypeError):
        return True
    # the run in the row may come from the query of the address, which clears nothing
    return not said.get("dag_run_id") or bool(said.get("include_past") or said.get("include_future"))


def _before(event: Mapping[str, Any], since: datetime | None) -> bool:
    """Whether an event is older than the run."""
    return since is not None and datetime.fromisoformat(event["when"]) < since - AROUND


def _may_queue(body: str) -> bool:
    """Whether a change of a run may have queued it again: Airflow logs no body of some content types."""
    try:
        said = dict(json.loads(body or "{}"))
    except (ValueError, TypeError):
        return True
    return said["state"] == "queued" if "state" in said else "note" not in said


def _who_sent(client: AirflowClient, origin: AssetOrigin) -> set[str]:
    """Who sent an asset event by hand, or triggered or cleared the run that did."""
    if origin.dag_id and origin.run_id:
        run = _get(client, run_path(origin.dag_id, origin.run_id))
        if run is None:
            return {UNKNOWN}
        people = {run["triggering_user_name"]} if run.get("triggering_user_name") else set[str]()
        return people | _who_cleared(client, origin.dag_id, origin.run_id, 0)
    senders = {
        one["owner"] or UNKNOWN
        for one in _events(client, (SENDING,)) or ()
        if origin.at - AROUND <= datetime.fromisoformat(one["when"]) <= origin.at + AROUND
    }
    return senders or {UNKNOWN}


def _events(
    client: AirflowClient, names: Iterable[str], since: datetime | None = None, **filters: str
) -> list[Mapping[str, Any]] | None:
    """Rows of the audit log with these events; None where the platform's account may not read them, or not all."""
    query = {"included_events": list(names), "order_by": "-when", **filters}
    if since:
        query["after"] = (since - AROUND).isoformat()
    return _rows(client, f"/eventLogs?{urlencode(query, doseq=True)}", "event_logs")


def _rows(client: AirflowClient, path: str, field: str) -> list[Mapping[str, Any]] | None:
    """All rows of a list, newest first where Airflow sorts so; None where they cannot all be read."""
    import httpx

    try:
        rows = list(islice(client.rows(path, field), MOST + 1))
    except httpx.HTTPStatusError as error:
        if not _withheld(error, path):
            raise
        return None
    if len(rows) > MOST:
        log.warning("%s has more than %d rows", path, MOST)
        return None
    return rows


def _get(client: AirflowClient, path: str) -> Any:
    """The JSON of a path; None when Airflow does not know it or does not let the platform's account read it."""
    import httpx

    try:
        return client.call("GET", path)
    except httpx.HTTPStatusError as error:
        if not _withheld(error, path):
            raise
        return None


def _withheld(error: httpx.HTTPStatusError, path: str) -> bool:
    """Whether Airflow does not know the path or does not let the platform's account read it."""
    status = error.response.status_code
    if status not in (404, 403):
        return False
    log.warning("Airflow says %s to %s", status, path)
    return True
