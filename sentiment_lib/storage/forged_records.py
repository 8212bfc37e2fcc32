"""Refuse to act on rows of tables that the platform did not record, with a critical alert."""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from sentiment_lib.errors import RecordForged
from sentiment_lib.records import Severity
from sentiment_lib.storage import recorded_facts
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)

#: Kind of the alert.
FORGED_RECORD = "forged_record"


def require_recorded(store: Store, kind: str, key: int) -> None:
    """Raise RecordForged, after opening an alert, unless the signed ledger says what this row says.

    kind: "decision" (with its evaluation, snapshot and versions), "training" (a model version), "snapshot" or
    "snapshot_rows" (of a snapshot). No role of the platform changes them, so that a later transaction may rely on it.
    Raises NotFound without the row.
    """
    if problem := check(store, kind, key):
        raise RecordForged(problem=problem)


def check(store: Store, kind: str, key: int) -> str | None:
    """Why nobody may act on this row, after opening an alert; None when it is as recorded."""
    with store.begin() as connection:
        problem = find_fault(connection, kind, key)
        if problem:
            report(connection, problem)
    return problem


def find_fault(connection: Connection, kind: str, key: int) -> str | None:
    """Why nobody may act on this row; None when it is as recorded. Raises NotFound without the row."""
    if kind == "decision":
        return recorded_facts.decision_fault(connection, key)
    if kind == "snapshot_rows":
        return recorded_facts.rows_fault(connection, key)
    return recorded_facts.fault(connection, kind, key)


def report(connection: Connection, problem: str, *, done: str = "Nothing was done with it.") -> None:
    """Open the alert; `done`: what became of the row, in a sentence."""
    log.critical("%s", problem)
    open_alert(
        connection,
        kind=FORGED_RECORD,
        severity=Severity.CRITICAL,
        dedup_key=f"{FORGED_RECORD}/{problem}",
        title="A row in the database is not what the platform recorded",
        body=f"{problem[0].upper()}{problem[1:]}. {done}",
    )
