"""Notice that somebody paused a DAG of the platform, and let the alert process notice when nobody looks any more."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from urllib.parse import urlencode

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.records import UNKNOWN, Severity
from sentiment_lib.settings import Settings
from sentiment_lib.storage import alerts, heartbeats
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)

#: Kind of the alert, one for each paused DAG.
KIND = "dag_paused"
#: Tag of every DAG of the platform.
TAG = "sentiment"
#: Events of Airflow's audit log that pause one DAG, and several by a pattern.
_ONE, _SEVERAL = "patch_dag", "patch_dags"


def run(store: Store, settings: Settings) -> tuple[str, ...]:
    """Ids of the paused DAGs, each of which has an open alert; alerts of the others are resolved.

    Then the heartbeat of `maintain` is recorded: a paused `maintain` calls this no longer, and its silence is an alert
    of the alert process. Without an account in Airflow only the heartbeat is. Raises httpx.HTTPError when Airflow
    does not say, after the heartbeat.
    """
    with store.begin() as connection:
        heartbeats.beat(connection, heartbeats.MAINTAIN)
    if not settings.airflow_user:
        return ()
    client = AirflowClient.of_platform(settings)
    paused = {dag_id: _who_paused(client, dag_id) for dag_id in _paused(client)}
    keys = {f"{KIND}/{dag_id}" for dag_id in paused}
    with store.begin() as connection:
        known = alerts.open_keys(connection, (KIND,))
        for dag_id, person in paused.items():
            alerts.open_alert(
                connection,
                kind=KIND,
                severity=Severity.WARNING,
                dedup_key=f"{KIND}/{dag_id}",
                title=f"The DAG {dag_id} is paused",
                body="Its work is not done until somebody unpauses it. Whom Airflow's audit log names last for pausing "
                f"it, or several DAGs at once: {person}.",
            )
        for key in known:
            if key not in keys:
                alerts.resolve_by_key(connection, key)
    return tuple(paused)


def _paused(client: AirflowClient) -> Iterator[str]:
    """Ids of the platform's DAGs that are paused."""
    query = urlencode({"tags": TAG, "paused": "true", "limit": 100})
    yield from (dag["dag_id"] for dag in client.call("GET", f"/dags?{query}")["dags"])


def _who_paused(client: AirflowClient, dag_id: str) -> str:
    """The author of the newest event that paused this DAG or several; UNKNOWN where the audit log does not say."""
    import httpx

    query = urlencode({"included_events": (_ONE, _SEVERAL), "order_by": "-when", "limit": 100}, doseq=True)
    try:
        events = client.call("GET", f"/eventLogs?{query}")["event_logs"]
    except httpx.HTTPStatusError as error:
        log.warning("Airflow does not say who paused %s: %s", dag_id, error)
        return UNKNOWN
    for event in events:
        if (event["event"] == _SEVERAL or event["dag_id"] == dag_id) and _pauses(event["extra"] or ""):
            return str(event["owner"] or UNKNOWN)
    return UNKNOWN


def _pauses(extra: str) -> bool:
    """Whether the body of an event sets `is_paused`."""
    try:
        return dict(json.loads(extra)).get("is_paused") in (True, "true", "True")
    except (ValueError, TypeError):
        return False
