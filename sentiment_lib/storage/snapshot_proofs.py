"""Whether the frozen rows of a snapshot are those that were recorded, and the erasures that explain missing ones."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from sentiment_lib import merkle
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.records import CHUNKS, Snapshot
from sentiment_lib.storage import ledger, snapshot_chunks
from sentiment_lib.storage.snapshot_chunks import Chunk, CommittedRow

#: Kind of the ledger row that names erased rows.
ERASED = "frozen_rows_erased"
#: Kind of the ledger row that names the hash of the chunks which hold the rows of a snapshot of an earlier release.
COMMITTED = "snapshot_committed"


def erased_row_ids(connection: Connection) -> frozenset[int]:
    """Ids of all rows whose erasure was recorded."""
    entries = ledger.genuine_entries(connection, (ERASED,))
    return frozenset(int(row_id) for entry in entries for row_id in entry.facts()["row_ids"])


@dataclass(frozen=True, kw_only=True)
class ChunksProof:
    """What proves the chunks of a snapshot: their hash, which covers the time of the split."""

    root: str
    split_at: datetime

    @classmethod
    def of(cls, facts: Mapping[str, Any], root: str) -> ChunksProof:
        """From the facts of a ledger row, where the hash has this name."""
        return cls(root=facts[root], split_at=datetime.fromisoformat(facts["split_at"]))


def proof_of(connection: Connection, snapshot: Snapshot) -> ChunksProof | None:
    """What proves the snapshot's chunks; None while one file of an earlier release holds its rows."""
    if snapshot.is_chunked:
        return ChunksProof(root=snapshot.content_hash, split_at=snapshot.split_at)
    return committed(connection, snapshot.snapshot_id)


def committed(connection: Connection, snapshot_id: int) -> ChunksProof | None:
    """What proves the chunks that hold the rows of a snapshot of an earlier release; None while its file does."""
    entry = ledger.find_genuine(connection, COMMITTED, {"snapshot_id": snapshot_id})
    return ChunksProof.of(entry.facts(), "root") if entry else None


def waits_for_commitments(connection: Connection, snapshot_id: int) -> bool:
    """Whether the platform recorded this snapshot in one file, and its rows have no commitments yet."""
    entry = ledger.find_genuine(connection, "snapshot", {"snapshot_id": snapshot_id})
    return entry is not None and entry.facts()["uri"] != CHUNKS and committed(connection, snapshot_id) is None


def record_committed(connection: Connection, snapshot: Snapshot, root: str) -> None:
    """Record the hash of the chunks that hold its rows."""
    facts = {"snapshot_id": snapshot.snapshot_id, "content_hash": snapshot.content_hash, "root": root}
    ledger.append(connection, COMMITTED, facts | {"split_at": snapshot.split_at.astimezone(UTC)})


def rows_problem(connection: Connection, chunk: Chunk, rows: Sequence[CommittedRow]) -> str | None:
    """Why these are not the rows of a chunk; None when each gives its leaf, or was erased by a recorded erasure."""
    if not chunk.leaves or merkle.root(chunk.leaves).hex() != chunk.root:
        return "its leaves do not give its root"
    if [row.position for row in rows] != list(range(len(chunk.leaves))):
        return "rows of it are missing"
    gone = [row for row in rows if row.tweet_id is None]
    # read after the rows, so that it names what was erased before them
    erased = erased_row_ids(connection) if gone else frozenset()
    for row in gone:
        if row.row_id not in erased:
            return f"row {row.position} of it is gone, and no erasure was recorded"
    for row, leaf in zip(rows, chunk.leaves, strict=True):
        if row.tweet_id is not None and (row.part != chunk.part or row.leaf != leaf):
            return f"row {row.position} of it is another"
    return None


def snapshot_problem(
    connection: Connection,
    facts: Mapping[str, Any],
    checked: dict[int, str | None] | None = None,
    *,
    verified: Collection[int] = (),
) -> str | None:
    """Why the rows of a snapshot in the database are not those that were recorded; None when they are.

    `facts`: of its ledger row; `checked`: problems by chunk, for snapshots that share chunks; `verified`: chunks that
    were verified before. Snapshots of the first releases recorded no hash of their rows.
    """
    snapshot_id = int(facts["snapshot_id"])
    is_chunked = facts["uri"] == CHUNKS
    proof = ChunksProof.of(facts, "content_hash") if is_chunked else committed(connection, snapshot_id)
    if proof is None:
        recorded = facts.get("rows_hash")
        return "they are others" if recorded not in (None, rows_hash(connection, snapshot_id)) else None
    chunks = snapshot_chunks.of_snapshot(connection, snapshot_id)
    problem = contents_problem(chunks, proof)
    if problem:
        return problem
    checked = {} if checked is None else checked
    for chunk in chunks:
        if chunk.chunk_id not in verified and chunk.chunk_id not in checked:
            rows = snapshot_chunks.rows_of(connection, chunk.chunk_id)
            checked[chunk.chunk_id] = rows_problem(connection, chunk, rows)
    return next((found for chunk in chunks if (found := checked.get(chunk.chunk_id))), None)


def contents_problem(chunks: list[Chunk], proof: ChunksProof) -> str | None:
    """Why these are not the chunks of the snapshot; None when they are."""
    if not chunks or frozen_rows.content_hash([chunk.root for chunk in chunks], proof.split_at) != proof.root:
        return "its chunks are not those of its hash"
    return None


def resurrected(connection: Connection) -> list[int]:
    """Ids of rows that are stored although their erasure was recorded."""
    query = text("SELECT row_id FROM frozen_rows WHERE row_id = ANY(:erased) ORDER BY row_id")
    return list(connection.execute(query, {"erased": list(erased_row_ids(connection))}).scalars())


def rows_hash(connection: Connection, snapshot_id: int) -> str:
    """SHA-256 of the rows of a snapshot without chunks' commitments: a line "tweet_id,label,part" each, by id."""
    query = text("SELECT tweet_id, label, part FROM snapshot_rows WHERE snapshot_id = :id ORDER BY tweet_id")
    return _hash_rows(connection.execute(query, {"id": snapshot_id}, execution_options={"yield_per": 10_000}))


def frame_hash(frame: pd.DataFrame) -> str:
    """The same hash of a frame with the columns tweet_id, label and part."""
    ordered = frame.sort_values("tweet_id")
    return _hash_rows(zip(ordered["tweet_id"], ordered["label"], ordered["part"], strict=True))


def _hash_rows(rows: Iterable[Sequence[Any]]) -> str:
    digest = hashlib.sha256()
    for tweet_id, label, part in rows:
        digest.update(f"{tweet_id},{label},{part}\n".encode())
    return digest.hexdigest()
