"""Moves of the champion alias as the signed ledger has them: what makes a champion, whatever the table says.

The rows are read through the view `deployment_entries`, which roles without the ledger may read too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, DateTime, String, column, select, table, text

from sentiment_lib.errors import LedgerBroken
from sentiment_lib.storage import ledger
from sentiment_lib.storage.ledger import LedgerEntry

STATES = ("intent", "done", "undone")
#: Renamed kinds of deployments: kind in the ledger -> kind in the table.
KINDS_BEFORE = {"first": "bootstrap"}
_VIEW = table(
    "deployment_entries",
    column("sequence", BigInteger),
    *(column(name, String) for name in ("kind", "payload", "previous_hash", "entry_hash")),
    column("recorded_at", DateTime(timezone=True)),
    column("signature", String),
)
_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class SignedMove:
    """A move with the facts of its signed rows; `finished_at` is None while it is an intent."""

    deployment_id: int
    kind: str
    state: str
    from_version: int | None
    to_version: int
    approval_id: int | None
    decision_id: int | None
    reason: str | None
    moved_by: str | None
    finished_at: datetime | None


def champion(connection: Connection) -> int | None:
    """The version of the last completed move; None before the first. Raises LedgerBroken when no move is signed.

    Without the public keys no signature verifies: then nothing may be deployed as if there were no champion.
    """
    newest = next(_signed(connection, state="done"), None)
    if newest is None and next(_entries(connection, state="done"), None) is not None:
        raise LedgerBroken(problem="no deployment has a valid signature; are the public keys here?")
    return int(newest.facts()["to_version"]) if newest else None


def by_id(connection: Connection, deployment_id: int) -> SignedMove | None:
    """The move with this id; None when no signed row says that it was intended."""
    rows = [entry for entry in _signed(connection, of=deployment_id) if entry.facts()["deployment_id"] == deployment_id]
    return _merge(rows[::-1])


def completed(connection: Connection) -> Iterator[SignedMove]:
    """Completed moves, newest first."""
    for entry in _signed(connection, state="done"):
        move = by_id(connection, int(entry.facts()["deployment_id"]))
        if move is not None:
            yield move


def all_moves(connection: Connection) -> dict[int, SignedMove]:
    """Every move by id."""
    rows: dict[int, list[LedgerEntry]] = {}
    for entry in _signed(connection):
        rows.setdefault(int(entry.facts()["deployment_id"]), []).append(entry)
    moves = ((number, _merge(found[::-1])) for number, found in rows.items())
    return {number: move for number, move in moves if move is not None}


def restate(connection: Connection) -> None:
    """Sign the last completed move again when its row is older than the signatures. For a migration.

    A role that may not read the ledger cannot follow the chain from such a row to the signed checkpoint.
    """
    newest = next(_entries(connection, state="done"), None)
    if newest is not None and newest.signature is None and ledger.is_genuine(connection, newest):
        ledger.append(connection, newest.kind, newest.facts())


def _merge(rows: list[LedgerEntry]) -> SignedMove | None:
    """One move of its rows, oldest first; None without its intent."""
    facts: dict[str, Any] = {}
    kind, state, finished_at = "", "", None
    for entry in rows:
        kind, _, state = entry.kind.partition(".")
        facts |= entry.facts()
        if state != "intent":
            ended = facts.get("finished_at")
            finished_at = datetime.fromisoformat(ended) if ended else entry.recorded_at
    if not rows or not rows[0].kind.endswith(".intent"):
        return None
    return SignedMove(
        deployment_id=int(facts["deployment_id"]),
        kind=KINDS_BEFORE.get(kind, kind),
        state=state,
        from_version=facts.get("from_version"),
        to_version=int(facts["to_version"]),
        **{name: facts.get(name) for name in ("approval_id", "decision_id", "reason", "moved_by")},
        finished_at=finished_at,
    )


def _signed(connection: Connection, *, state: str | None = None, of: int | None = None) -> Iterator[LedgerEntry]:
    """Rows of moves that the platform signed, newest first; see `_entries`."""
    for entry in _entries(connection, state=state, of=of):
        # of an early release: the chain from there to the signed checkpoint needs the whole ledger
        if entry.signature is None and not connection.scalar(text("SELECT has_table_privilege('ledger', 'SELECT')")):
            continue
        if ledger.is_genuine(connection, entry):
            yield entry


def _entries(connection: Connection, *, state: str | None = None, of: int | None = None) -> Iterator[LedgerEntry]:
    """Rows of moves, signed or not, newest first: of one state, or that may be of one deployment."""
    query = select(_VIEW).order_by(_VIEW.c.sequence.desc()).limit(_BATCH)
    if state:
        query = query.where(_VIEW.c.kind.endswith(f".{state}", autoescape=True))
    if of is not None:
        query = query.where(_VIEW.c.payload.contains(f'"deployment_id":{of}', autoescape=True))
    last = None
    while True:
        batch = query if last is None else query.where(_VIEW.c.sequence < last)
        rows = [LedgerEntry(**row) for row in connection.execute(batch).mappings()]
        yield from rows
        if len(rows) < _BATCH:
            return
        last = rows[-1].sequence
