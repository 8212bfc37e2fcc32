"""Whether the frozen rows of a snapshot are those that were recorded, and the erasures that explain missing ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from sentiment_lib import merkle
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.records import CHUNKS
from sentiment_lib.storage import ledger, snapshot_chunks
from sentiment_lib.storage.snapshot_chunks import Chunk, CommittedRow

#: Kind of the ledger row that names erased rows.
ERASED = "frozen_rows_erased"


def erased_row_ids(connection: Connection, *, after: int = 0) -> frozenset[int]:
    """Ids of all rows whose erasure was recorded after this row of the ledger."""
    entries = ledger.genuine_entries(connection, (ERASED,), after=after)
    return frozenset(int(row_id) for entry in entries for row_id in entry.facts()["row_ids"])


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
    connection: Connection, facts: Mapping[str, Any], checked: dict[int, str | None] | None = None, *, since: int = 0
) -> str | None:
    """Why the rows of a snapshot in the database are not those that were recorded; None when they are.

    `facts`: of its ledger row; `checked`: problems by chunk, for snapshots that share chunks; `since`: the newest chunk
    that was verified before. Snapshots of the first releases recorded no hash of their rows.
    """
    snapshot_id = int(facts["snapshot_id"])
    if facts["uri"] != CHUNKS:
        recorded = facts.get("rows_hash")
        return "they are others" if recorded not in (None, rows_hash(connection, snapshot_id)) else None
    chunks = snapshot_chunks.of_snapshot(connection, snapshot_id)
    problem = contents_problem(chunks, facts["content_hash"], datetime.fromisoformat(facts["split_at"]))
    if problem:
        return problem
    checked = {} if checked is None else checked
    for chunk in chunks:
        if chunk.chunk_id > since and chunk.chunk_id not in checked:
            rows = snapshot_chunks.rows_of(connection, chunk.chunk_id)
            checked[chunk.chunk_id] = rows_problem(connection, chunk, rows)
    return next((found for chunk in chunks if (found := checked.get(chunk.chunk_id))), None)


def contents_problem(chunks: list[Chunk], content_hash: str, split_at: datetime) -> str | None:
    """Why these are not the chunks of the snapshot with this hash and split; None when they are."""
    if not chunks or frozen_rows.content_hash([chunk.root for chunk in chunks], split_at) != content_hash:
        return "its chunks are not those of its hash"
    return None


def resurrected(connection: Connection, *, after: int = 0) -> list[int]:
    """Ids of rows that are stored although their erasure was recorded, after this row of the ledger."""
    query = text("SELECT row_id FROM frozen_rows WHERE row_id = ANY(:erased) ORDER BY row_id")
    return list(connection.execute(query, {"erased": list(erased_row_ids(connection, after=after))}).scalars())


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
