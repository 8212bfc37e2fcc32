"""How far the records were verified: a signed ledger row, from which the next verification goes on.

Nobody without the signing key can say that something was verified. What lies before the point is read again by a whole
verification only; steps check the rows that they act on themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select, text

from sentiment_lib.storage import ledger

#: Kind of the ledger row, and kinds that say nothing new to verify.
KIND = "verified"
NOTHING_NEW = frozenset({KIND, "anchor"})


@dataclass(frozen=True, kw_only=True)
class VerifiedPoint:
    """The newest of everything that was verified without a problem."""

    #: the ledger's row
    sequence: int
    entry_hash: str
    #: when everything was last read, ISO 8601
    whole_at: str
    chunk_id: int = 0
    #: line of the anchors, and its SHA-256
    anchor: int = 0
    anchor_line: str = ""
    #: kind of fact -> number of rows, and the largest key
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    #: model version and chunk up to which packages and files were read
    package: int = 0
    file: int = 0


def newest(connection: Connection) -> VerifiedPoint | None:
    """The newest signed point; None without one."""
    entry = ledger.find_genuine(connection, KIND, {})
    return VerifiedPoint(**entry.facts()) if entry else None


def record(connection: Connection, point: VerifiedPoint) -> None:
    """Append the point to the ledger."""
    ledger.append(connection, KIND, asdict(point))


def has_news(connection: Connection, since: VerifiedPoint) -> bool:
    """Whether the ledger has rows after the point that verify something new."""
    query = text("SELECT EXISTS (SELECT FROM ledger WHERE sequence > :since AND kind <> ALL(:kinds))")
    return bool(connection.scalar(query, {"since": since.sequence, "kinds": sorted(NOTHING_NEW)}))


def count_rows(connection: Connection, tables: Mapping[str, tuple[Any, str]]) -> dict[str, tuple[int, int]]:
    """Number of rows and largest key of each table."""
    found = {}
    for name, (table, key) in tables.items():
        row = connection.execute(
            select(func.count(), func.coalesce(func.max(table.c[key]), 0)).select_from(table)
        ).one()
        found[name] = (int(row[0]), int(row[1]))
    return found


def newest_chunk(connection: Connection) -> int:
    """Id of the newest chunk of snapshots; 0 without one."""
    return int(connection.execute(text("SELECT coalesce(max(chunk_id), 0) FROM snapshot_chunks")).scalar_one())
