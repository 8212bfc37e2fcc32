"""The alert of a DAG whose tasks or runs fail: one incident for each DAG."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

KIND = "dag_failure"


def opened(dag_id: str, run_id: str, title: str, body: str) -> int:
    """Id of the open alert of this DAG, new or counted up."""
    from sentiment_lib.storage import alerts

    with transaction() as connection:
        return alerts.open_alert(
            connection, KIND, "critical", f"{KIND}/{dag_id}", title, body, f"/dags/{dag_id}/runs/{run_id}"
        )


def resolved(dag_id: str) -> int | None:
    """Close the alert of this DAG, if one is open."""
    from sentiment_lib.storage import alerts

    with transaction() as connection:
        return alerts.resolve_by_key(connection, f"{KIND}/{dag_id}")


def send_directly(title: str, body: str) -> int:
    """Past the outbox, to every receiver; gives how many there are."""
    from sentiment_lib.alerts import delivery
    from sentiment_lib.settings import load_settings

    receivers = delivery.receivers(load_settings())
    for receiver in receivers:
        delivery.send(receiver, title, body, "critical")
    return len(receivers)


@contextmanager
def transaction() -> Iterator[Any]:
    """One short transaction on a connection of its own: nothing stays open in the scheduler."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    store = Store.open(load_settings())
    try:
        with store.begin() as connection:
            yield connection
    finally:
        store.close()
