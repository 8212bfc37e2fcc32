"""The ledger: a hash-chained, signed, append-only row for each fact, appended in the fact's own transaction."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from sentiment_lib import clock
from sentiment_lib.errors import SignatureRefused
from sentiment_lib.hashing import canonical_json, hash_text
from sentiment_lib.signing import KeyRing
from sentiment_lib.storage.engine import key_ring, lock
from sentiment_lib.storage.tables import LedgerRow

log = logging.getLogger(__name__)

#: Previous hash of the first row.
GENESIS = "0" * 64
#: Purpose of the signatures.
PURPOSE = "ledger"
#: Kind of the first signed row of a ledger that was unsigned before: its signature covers the rows above it.
CHECKPOINT = "checkpoint"
#: Tolerated clock skew between machines.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One row of the ledger; `payload` is the canonical JSON that was hashed."""

    sequence: int
    kind: str
    payload: str
    previous_hash: str
    entry_hash: str
    recorded_at: datetime
    #: "KEY_ID:BASE64" over `entry_hash`; None in rows older than the first checkpoint
    signature: str | None = None

    def facts(self) -> dict[str, Any]:
        """The payload, parsed."""
        facts: dict[str, Any] = json.loads(self.payload)
        return facts


_BEFORE_THE_FIRST: dict[str, Any] = {
    "sequence": 0,
    "kind": "",
    "payload": "{}",
    "previous_hash": "",
    "entry_hash": GENESIS,
    "recorded_at": datetime.min.replace(tzinfo=UTC) + CLOCK_TOLERANCE,
}


_FIRST_SIGNED = select(func.min(LedgerRow.sequence)).where(LedgerRow.signature.is_not(None)).scalar_subquery()


def append(connection: Connection, kind: str, payload: Mapping[str, object]) -> LedgerEntry:
    """Append a row in this transaction; a lock serialises the appends of all processes.

    Call it last in a transaction: the lock is held until the commit and blocks all other appends.
    """
    lock(connection, "ledger")
    last = connection.execute(
        select(LedgerRow.sequence, LedgerRow.entry_hash, LedgerRow.recorded_at)
        .order_by(LedgerRow.sequence.desc())
        .limit(1)
    ).one_or_none()
    sequence, previous = (last.sequence + 1, last.entry_hash) if last else (1, GENESIS)
    # times are monotonic even with clock skew between machines
    recorded_at = max(clock.now(), last.recorded_at) if last else clock.now()
    body = canonical_json(payload)
    digest = entry_hash(sequence, kind, body, previous, recorded_at)
    entry = LedgerEntry(
        sequence=sequence,
        kind=kind,
        payload=body,
        previous_hash=previous,
        entry_hash=digest,
        recorded_at=recorded_at,
        signature=key_ring(connection).sign(PURPOSE, digest.encode()),
    )
    connection.execute(insert(LedgerRow).values(**vars(entry)))
    return entry


def entry_hash(sequence: int, kind: str, payload: str, previous_hash: str, recorded_at: datetime) -> str:
    """SHA-256 of all columns of a row, including its sequence number and the previous hash."""
    moment = recorded_at.astimezone(UTC).isoformat(timespec="microseconds")
    return hash_text(canonical_json([sequence, kind, payload, previous_hash, moment]))


def entries(connection: Connection, kinds: tuple[str, ...] = (), *, after: int | None = None) -> Iterator[LedgerEntry]:
    """All rows in order, or those after this one and of these kinds; streamed in batches of 1,000."""
    query = select(LedgerRow.__table__).order_by(LedgerRow.sequence)
    if after is not None:
        query = query.where(LedgerRow.sequence > after)
    if kinds:
        query = query.where(LedgerRow.kind.in_(kinds))
    for row in connection.execute(query, execution_options={"yield_per": 1000}).mappings():
        yield LedgerEntry(**row)


def genuine_entries(
    connection: Connection, kinds: tuple[str, ...] = (), *, after: int | None = None
) -> Iterator[LedgerEntry]:
    """Rows that the platform signed, or those after this one and of these kinds; any other is logged and left out.

    For all who act on a row or judge by it: whoever may insert into the table, without a signing key, can add rows of
    any content.
    """
    covered = _covered(connection)
    for entry in list(entries(connection, kinds, after=after)):
        if entry.sequence in covered if entry.signature is None else _is_signed(connection, entry):
            yield entry
        else:
            _report(entry)


def find_genuine(connection: Connection, kind: str, facts: Mapping[str, object]) -> LedgerEntry | None:
    """The newest signed row of this kind with these facts; None without one."""
    query = select(LedgerRow.__table__).where(LedgerRow.kind == kind).order_by(LedgerRow.sequence.desc())
    for name, value in facts.items():  # payloads are canonical JSON
        query = query.where(LedgerRow.payload.contains(canonical_json({name: value})[1:-1], autoescape=True))
    for row in connection.execute(query).mappings().all():
        entry = LedgerEntry(**row)
        if not is_genuine(connection, entry):
            _report(entry)
        elif all(entry.facts().get(name) == value for name, value in facts.items()):
            return entry
    return None


def is_genuine(connection: Connection, entry: LedgerEntry) -> bool:
    """Whether the row is signed, or of the unsigned rows that the first checkpoint's signature covers."""
    if entry.signature is not None:
        return _is_signed(connection, entry)
    return entry.sequence in _covered(connection)


def _report(entry: LedgerEntry) -> None:
    log.critical("Ledger row %s (%s) has no valid signature and does not count", entry.sequence, entry.kind)


def _covered(connection: Connection) -> range:
    """Numbers of the unsigned rows that the first signed row covers: those above it, if it is a checkpoint."""
    query = select(LedgerRow.__table__).where(LedgerRow.sequence <= _FIRST_SIGNED).order_by(LedgerRow.sequence.desc())
    following: LedgerEntry | None = None
    checkpoint = 0
    for row in connection.execute(query).mappings().all():
        entry = LedgerEntry(**row)
        if following is None:
            if entry.kind != CHECKPOINT or not _is_signed(connection, entry):
                break
        elif (entry.sequence + 1, _computed_hash(entry)) != (following.sequence, following.previous_hash):
            break
        following = entry
        checkpoint = checkpoint or entry.sequence
    return range(following.sequence, checkpoint) if following else range(0)


def _is_signed(connection: Connection, entry: LedgerEntry) -> bool:
    try:
        key_ring(connection).verify(
            PURPOSE, _computed_hash(entry).encode(), entry.signature or "", at=entry.recorded_at
        )
    except SignatureRefused:
        return False
    return True


def _computed_hash(entry: LedgerEntry) -> str:
    return entry_hash(entry.sequence, entry.kind, entry.payload, entry.previous_hash, entry.recorded_at)


def head(connection: Connection) -> LedgerEntry | None:
    """The newest row; None in an empty ledger."""
    query = select(LedgerRow.__table__).order_by(LedgerRow.sequence.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return LedgerEntry(**row) if row else None


def append_checkpoint(connection: Connection) -> None:
    """Sign the head of a ledger whose rows are unsigned; does nothing in an empty or signed ledger."""
    newest = head(connection)
    if newest and newest.signature is None:
        append(connection, CHECKPOINT, {"sequence": newest.sequence, "entry_hash": newest.entry_hash})


def broken(connection: Connection, *, at: datetime | None = None, since: tuple[int, str] | None = None) -> list[str]:
    """Problems of the hash chain, as sentences: changed, missing, moved, unsigned and wrongly dated rows.

    at: the time of the check, now by default. since: number and hash of a row up to which the chain was verified.
    """
    ring, problems = key_ring(connection), list[str]()
    latest = (at or clock.now()) + CLOCK_TOLERANCE
    expected, previous, signing = 1, LedgerEntry(**_BEFORE_THE_FIRST), False
    if since is not None:
        row = connection.execute(select(LedgerRow.__table__).where(LedgerRow.sequence == since[0])).mappings().first()
        if row is None or _computed_hash(LedgerEntry(**row)) != since[1]:
            problems.append(f"ledger row {since[0]} is not the one up to which the ledger was verified")
        expected, signing = since[0] + 1, True
        previous = replace(
            previous, entry_hash=since[1], recorded_at=row["recorded_at"] if row else previous.recorded_at
        )
    for entry in entries(connection, after=since[0] if since else None):
        name = f"ledger row {entry.sequence} ({entry.kind})"
        if entry.sequence != expected:
            problems.append(f"ledger rows {expected} to {entry.sequence - 1} are missing")
        elif entry.previous_hash != previous.entry_hash:
            problems.append(f"{name} does not follow the row before it")
        if _computed_hash(entry) != entry.entry_hash:
            problems.append(f"{name} was changed: its content does not give its hash")
        if fault := _signature_fault(ring, entry, signing=signing or entry.sequence == 1):
            problems.append(f"{name} {fault}")
        signing = signing or entry.signature is not None
        if entry.recorded_at < previous.recorded_at - (timedelta(0) if signing else CLOCK_TOLERANCE):
            problems.append(f"{name} is dated before the row above it")
        if entry.recorded_at > latest:
            problems.append(f"{name} is dated in the future")
        expected, previous = entry.sequence + 1, entry
    if expected > 1 and not signing:
        problems.append("no ledger row is signed")
    return problems


def _signature_fault(ring: KeyRing, entry: LedgerEntry, *, signing: bool) -> str | None:
    """What is wrong with the row's signature, or with its absence once rows are signed; None when nothing is."""
    if entry.signature is None:
        return "is not signed" if signing and entry.sequence > 1 else None
    if not signing and entry.kind != CHECKPOINT:
        return "is the first signed row and no checkpoint: the signatures above it are gone"
    try:
        ring.verify(PURPOSE, entry.entry_hash.encode(), entry.signature, at=entry.recorded_at)
    except SignatureRefused as error:
        return f"has no valid signature: {error.details['problem']}"
    return None
