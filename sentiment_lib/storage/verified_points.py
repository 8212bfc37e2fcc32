"""How far the records were verified: a signed ledger row, from which the next verification goes on.

Nobody without the signing key can say that something was verified. A point counts while its key and its release are in
use, until a restore, for some days after a whole verification, and while the ledger up to it is the same; otherwise
everything is read. Rows that were verified are compared with the digest of their time; frozen rows, packages and files
are read again by a whole verification only. Steps check what they act on themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib import clock
from sentiment_lib.hashing import hash_text
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import key_ring
from sentiment_lib.storage.recorded_facts import TABLES
from sentiment_lib.storage.tables import LedgerRow

#: Kind of the ledger row, and kinds that say nothing new to verify.
KIND = "verified"
NOTHING_NEW = frozenset({KIND, "anchor"})
#: Kind of the ledger row of a restore: what is there since then was not verified.
RESTORED = "restore"
#: A point whose last whole verification is older counts for nothing: the nightly one does not run.
LONGEST = timedelta(days=7)
#: A nightly verification has not run when the last is older.
OVERDUE = timedelta(hours=36)
#: Tables whose verified rows have a digest: name -> (table, key column).
DIGESTED: Mapping[str, tuple[Any, str]] = {**TABLES, "ledger": (LedgerRow.__table__, "sequence")}


@dataclass(frozen=True, kw_only=True)
class VerifiedPoint:
    """The newest of everything that was verified without a problem."""

    #: the ledger's row
    sequence: int
    entry_hash: str
    #: version of the library
    release: str
    #: when everything was last read, ISO 8601
    whole_at: str
    #: number of lines of the anchors, and SHA-256 of them
    anchors: int = 0
    anchors_hash: str = ""
    #: name of a table of DIGESTED -> its largest key, and the digest of the rows up to it
    rows: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    #: snapshot up to which rows and files of chunks were read, with the digest of the ids of the chunks that it and
    #: those before it held; and the same of model versions, whose packages were read
    chunks: tuple[int, str] = (0, "")
    files: tuple[int, str] = (0, "")
    packages: tuple[int, str] = (0, "")


def newest(connection: Connection, *, at: datetime | None = None) -> VerifiedPoint | None:
    """The newest point that counts; None without one. `at`: time of the verification, now by default."""
    entry, keys = ledger.find_genuine(connection, KIND, {}), key_ring(connection).public_keys()
    if entry is None or entry.signature is None or entry.signature.partition(":")[0] != keys[-1].key_id:
        return None
    try:
        facts = entry.facts()
        marks = {name: (int(facts[name][0]), str(facts[name][1])) for name in ("chunks", "files", "packages")}
        point = VerifiedPoint(**{**facts, **marks})
        age = (at or clock.now()) - datetime.fromisoformat(point.whole_at)
    except (TypeError, ValueError, KeyError, IndexError):  # of another release
        return None
    restored = text("SELECT EXISTS (SELECT FROM ledger WHERE sequence > :since AND kind = :kind)")
    counts = (
        -ledger.CLOCK_TOLERANCE <= age <= LONGEST
        and point.release == release()
        and not connection.scalar(restored, {"since": point.sequence, "kind": RESTORED})
        and are_unchanged(connection, point, ("ledger",))
    )
    return point if counts else None


def last_whole(connection: Connection) -> datetime | None:
    """When everything was last verified; before any such time, when the ledger began. None for an empty ledger."""
    entry = ledger.find_genuine(connection, KIND, {})
    if entry is not None:
        return datetime.fromisoformat(entry.facts()["whole_at"])
    began: datetime | None = connection.execute(text("SELECT min(recorded_at) FROM ledger")).scalar_one()
    return began


def release() -> str:
    """Version of the library, whose checks a point rests on."""
    return version("airline-sentiment")


def record(connection: Connection, point: VerifiedPoint) -> None:
    """Append the point to the ledger."""
    ledger.append(connection, KIND, asdict(point))


def has_news(connection: Connection, since: VerifiedPoint) -> bool:
    """Whether the ledger has rows after the point that verify something new."""
    query = text("SELECT EXISTS (SELECT FROM ledger WHERE sequence > :since AND kind <> ALL(:kinds))")
    return bool(connection.scalar(query, {"since": since.sequence, "kinds": sorted(NOTHING_NEW)}))


def are_unchanged(connection: Connection, since: VerifiedPoint, names: tuple[str, ...] = tuple(TABLES)) -> bool:
    """Whether the verified rows of these tables are byte for byte those of the point.

    Some columns change by right, such as the state of a deployment: the rows are then compared with the ledger again.
    """
    return all(
        name in since.rows and _digest(connection, name, since.rows[name][0]) == since.rows[name][1] for name in names
    )


def digests(connection: Connection) -> dict[str, tuple[int, str]]:
    """Largest key and digest of the rows of each table of DIGESTED."""
    found = {}
    for name, (table, key) in DIGESTED.items():
        last = int(connection.execute(text(f"SELECT coalesce(max({key}), 0) FROM {table.name}")).scalar_one())
        found[name] = (last, _digest(connection, name, last))
    return found


#: Ids of chunks by the snapshots that hold them: a chunk of no snapshot was never read.
_CHUNKS = text("SELECT DISTINCT chunk_id FROM snapshot_contents WHERE snapshot_id <= :last ORDER BY chunk_id")
_VERSIONS = text("SELECT version FROM model_versions WHERE version <= :last ORDER BY version")


def mark_chunks(connection: Connection) -> tuple[int, str]:
    """The newest snapshot, and the digest of the chunks that snapshots hold."""
    last = int(connection.execute(text("SELECT coalesce(max(snapshot_id), 0) FROM snapshots")).scalar_one())
    return last, _digest_of(_ids(connection, _CHUNKS, last))


def mark_packages(connection: Connection) -> tuple[int, str]:
    """The newest model version, and the digest of the numbers of all."""
    last = int(connection.execute(text("SELECT coalesce(max(version), 0) FROM model_versions")).scalar_one())
    return last, _digest_of(_ids(connection, _VERSIONS, last))


def read_chunks(connection: Connection, mark: tuple[int, str]) -> frozenset[int]:
    """The chunks that were read then; none where the snapshots of that time hold other ones."""
    return _read(connection, _CHUNKS, mark)


def read_packages(connection: Connection, mark: tuple[int, str]) -> frozenset[int]:
    """The versions whose packages were read then; none where there are others up to that number."""
    return _read(connection, _VERSIONS, mark)


def _read(connection: Connection, query: Any, mark: tuple[int, str]) -> frozenset[int]:
    ids = _ids(connection, query, mark[0])
    return frozenset(ids) if _digest_of(ids) == mark[1] else frozenset()


def _ids(connection: Connection, query: Any, last: int) -> list[int]:
    return list(connection.execute(query, {"last": last}).scalars())


def _digest_of(ids: list[int]) -> str:
    return hash_text("\n".join(map(str, ids)))


def _digest(connection: Connection, name: str, last: int) -> str:
    """SHA-256 over the SHA-256 of each row up to this key, in order; computed by the database, which holds the rows.

    A row is written by `record_out`: the owner of a table may define casts of its rows, which could hide a change.
    """
    table, key = DIGESTED[name]
    row = "pg_catalog.sha256(pg_catalog.convert_to(CAST(pg_catalog.record_out(r) AS pg_catalog.text), 'UTF8'))"
    query = f"SELECT pg_catalog.sha256(pg_catalog.string_agg({row}, '' ORDER BY r.{key})) FROM {table.name} r"
    digest: bytes | None = connection.execute(text(f"{query} WHERE r.{key} <= :last"), {"last": last}).scalar()
    return digest.hex() if digest else ""
