"""The ledger: a hash-chained, append-only row for each fact, appended in the fact's own transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.storage.engine import lock
from sentiment_lib.storage.tables import LedgerRow

#: Previous hash of the first row.
GENESIS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One row of the ledger; `payload` is the canonical JSON that was hashed."""

    sequence: int
    kind: str
    payload: str
    previous_hash: str
    entry_hash: str
    recorded_at: datetime

    def facts(self) -> dict[str, Any]:
        """The payload, parsed."""
        facts: dict[str, Any] = json.loads(self.payload)
        return facts


def append(connection: Connection, kind: str, payload: Mapping[str, object]) -> LedgerEntry:
    """Append a row in this transaction; a lock serialises the appends of all processes.

    Call it last in the transaction: the lock is held until the commit and blocks every other append.
    """
    lock(connection, "ledger")
    last = connection.execute(
        select(LedgerRow.sequence, LedgerRow.entry_hash).order_by(LedgerRow.sequence.desc()).limit(1)
    ).one_or_none()
    sequence, previous = (last.sequence + 1, last.entry_hash) if last else (1, GENESIS)
    recorded_at, body = datetime.now(UTC), canonical_json(payload)
    entry = LedgerEntry(
        sequence=sequence,
        kind=kind,
        payload=body,
        previous_hash=previous,
        entry_hash=entry_hash(sequence, kind, body, previous, recorded_at),
        recorded_at=recorded_at,
    )
    connection.execute(insert(LedgerRow).values(**vars(entry)))
    return entry


def entry_hash(sequence: int, kind: str, payload: str, previous_hash: str, recorded_at: datetime) -> str:
    """SHA-256 over all columns of a row, its sequence number and previous hash included."""
    moment = recorded_at.astimezone(UTC).isoformat(timespec="microseconds")
    return hash_text(canonical_json([sequence, kind, payload, previous_hash, moment]))


def entries(connection: Connection, kinds: tuple[str, ...] = ()) -> Iterator[LedgerEntry]:
    """All rows in order, or those of these kinds; streamed in batches of 1,000."""
    query = select(LedgerRow.__table__).order_by(LedgerRow.sequence)
    if kinds:
        query = query.where(LedgerRow.kind.in_(kinds))
    for row in connection.execute(query, execution_options={"yield_per": 1000}).mappings():
        yield LedgerEntry(**row)


def broken(connection: Connection) -> list[str]:
    """Breaks of the chain, as sentences: changed, missing and inserted rows."""
    problems, expected, previous = [], 1, GENESIS
    for entry in entries(connection):
        name = f"ledger row {entry.sequence} ({entry.kind})"
        if entry.sequence != expected:
            problems.append(f"ledger rows {expected} to {entry.sequence - 1} are missing")
        elif entry.previous_hash != previous:
            problems.append(f"{name} does not follow the row before it")
        computed = entry_hash(entry.sequence, entry.kind, entry.payload, entry.previous_hash, entry.recorded_at)
        if computed != entry.entry_hash:
            problems.append(f"{name} was changed: its content does not give its hash")
        expected, previous = entry.sequence + 1, entry.entry_hash
    return problems
