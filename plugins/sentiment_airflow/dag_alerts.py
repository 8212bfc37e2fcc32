"""Alerts of failed tasks and runs: one incident for each task, resolved by a later run without that failure.

A task that is mapped over families has one incident for each family, resolved when that task succeeds for that family:
success of a run of other families says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

KIND = "dag_failure"


def open_task_alert(dag_id: str, ti: Any, run_id: str, title: str, body: str) -> int:
    """Open the alert of a failed task, or count it up; returns its id."""
    return _open(_key(dag_id, ti), dag_id, run_id, title, body)


def resolve_task_alert(dag_id: str, ti: Any) -> int | None:
    """Resolve the alert of a task, for its family when it is mapped over families; returns its id, None without one."""
    from sentiment_lib.storage import alerts

    with transaction() as connection:
        return alerts.resolve_by_key(connection, _key(dag_id, ti))


def open_run_alert(dag_id: str, run_id: str, started: datetime | None, title: str, body: str) -> int | None:
    """Open the alert of a failed run, unless an alert of one of its tasks was seen since the run started."""
    from sentiment_lib.storage import alerts

    with transaction() as connection:
        if started and alerts.seen_since(connection, _prefix(dag_id), started):
            return None
    return _open(f"{KIND}/{dag_id}", dag_id, run_id, title, body)


def resolve_alerts(dag_id: str, started: datetime | None) -> list[int]:
    """Resolve the alerts of this DAG and its tasks, but not those that were seen since `started`; returns their ids.

    Alerts of one family stay: the run may have trained others.

    A run ends in success although a task failed when the tasks after it run in any case (trigger rule all_done), so
    success of the run alone does not mean that every task succeeded.
    """
    from sentiment_lib.storage import alerts

    with transaction() as connection:
        keys = alerts.keys_not_seen_since(connection, f"{KIND}/{dag_id}", _prefix(dag_id), started)
        resolvable = [key for key in keys if "/" not in key.removeprefix(_prefix(dag_id)) or key == f"{KIND}/{dag_id}"]
        resolved = [alerts.resolve_by_key(connection, key) for key in resolvable]
    return [alert_id for alert_id in resolved if alert_id is not None]


def send_directly(title: str, body: str) -> int:
    """Send to every receiver without the outbox; returns the number of receivers."""
    from sentiment_lib.alerts import delivery
    from sentiment_lib.settings import load_settings

    receivers = delivery.receivers(load_settings())
    for receiver in receivers:
        delivery.send(receiver, title, body, "critical")
    return len(receivers)


@contextmanager
def transaction() -> Iterator[Connection]:
    """A short transaction on a connection of its own: the scheduler keeps none open."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    store = Store.open(load_settings())
    try:
        with store.begin() as connection:
            yield connection
    finally:
        store.close()


def _open(key: str, dag_id: str, run_id: str, title: str, body: str) -> int:
    from sentiment_lib.storage import alerts

    with transaction() as connection:
        return alerts.open_alert(connection, KIND, "critical", key, title, body, f"/dags/{dag_id}/runs/{run_id}")


def _key(dag_id: str, ti: Any) -> str:
    """Dedup key of a task's alert: with the family, where the arguments of the task instance name one."""
    key = f"{_prefix(dag_id)}{ti.task_id}"
    # when the process was lost, the arguments are unresolved; the alert is then the task's
    for argument in getattr(getattr(ti, "task", None), "op_args", None) or ():
        if isinstance(argument, Mapping) and "family" in argument:
            return f"{key}/{argument['family']}"
    return key


def _prefix(dag_id: str) -> str:
    """Common prefix of the dedup keys of this DAG's tasks."""
    return f"{KIND}/{dag_id}/"
