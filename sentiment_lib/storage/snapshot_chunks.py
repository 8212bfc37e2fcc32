"""Chunks of frozen rows: stored once, shared by snapshots, each row with its salt and commitments."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from sentiment_lib import merkle
from sentiment_lib.errors import LedgerBroken
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.storage.engine import raw

#: Rows that were frozen before with the same tweet, label and part.
FROZEN_BEFORE = text(
    "SELECT f.row_id, f.tweet_id, f.label, f.salt, f.content_commitment "
    "FROM unnest(CAST(:tweet_ids AS bigint[])) ids (tweet_id) JOIN frozen_rows f USING (tweet_id) "
    "WHERE f.part = :part AND f.salt IS NOT NULL"
)
NEW_ROWS = text(
    "INSERT INTO frozen_rows (tweet_id, label, part, salt, content_commitment) "
    "SELECT * FROM unnest(CAST(:tweet_ids AS bigint[]), CAST(:labels AS text[]), CAST(:parts AS text[]), "
    "CAST(:salts AS bytea[]), CAST(:contents AS bytea[])) RETURNING row_id, tweet_id"
)
CONTENTS = (
    "SELECT c.chunk_id, c.root, c.part, c.leaves FROM snapshot_contents s JOIN snapshot_chunks c USING (chunk_id) "
)
ROWS = text(
    "SELECT c.position, c.row_id, f.tweet_id, f.label, f.part, f.salt, f.content_commitment AS content "
    "FROM chunk_rows c LEFT JOIN frozen_rows f USING (row_id) WHERE c.chunk_id = :chunk ORDER BY c.position"
)


@dataclass(frozen=True, kw_only=True)
class StoredChunk:
    """A chunk by its id and root."""

    chunk_id: int
    root: str


@dataclass(frozen=True, kw_only=True)
class Chunk(StoredChunk):
    """A chunk; `leaves` is empty where its rows have no commitments, because a snapshot's one file holds them."""

    part: str
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class CommittedRow:
    """A row of a chunk by its place; what was erased of it is None."""

    position: int
    row_id: int
    tweet_id: int | None
    label: str | None
    part: str | None
    salt: bytes | None
    content: bytes | None

    @property
    def leaf(self) -> bytes | None:
        """Computed from the row; None without its salt."""
        if self.tweet_id is None or self.label is None or self.part is None or self.salt is None:
            return None
        key = frozen_rows.commit_key(self.salt, self.tweet_id, self.label, self.part)
        return frozen_rows.leaf(key, self.content or b"")


@dataclass(frozen=True, kw_only=True)
class _Commitment:
    row_id: int
    salt: bytes
    content: bytes


def store(connection: Connection, part: str, rows: pd.DataFrame) -> StoredChunk:
    """The chunk of these rows (columns `holdout_split.COLUMNS`), found or stored; equal rows give the same chunk.

    A row that was frozen before keeps its salt. The caller holds the lock "snapshot".
    """
    ids, labels = [int(tweet_id) for tweet_id in rows["tweet_id"]], rows["label"].tolist()
    contents = frozen_rows.contents(rows)
    found = _find(connection, part, ids, labels, contents)
    new = [place for place, tweet_id in enumerate(ids) if tweet_id not in found]
    salts = [secrets.token_bytes(frozen_rows.SALT_BYTES) for _ in new]
    commitments = [frozen_rows.commit_content(salt, contents[place]) for salt, place in zip(salts, new, strict=True)]
    if new:
        values = {
            "tweet_ids": [ids[place] for place in new],
            "labels": [labels[place] for place in new],
            "parts": [part] * len(new),
            "salts": salts,
            "contents": commitments,
        }
        row_ids = {row.tweet_id: row.row_id for row in connection.execute(NEW_ROWS, values)}
        found |= {
            ids[place]: _Commitment(row_id=row_ids[ids[place]], salt=salt, content=content)
            for place, salt, content in zip(new, salts, commitments, strict=True)
        }
    ordered = [found[tweet_id] for tweet_id in ids]
    leaves = tuple(
        frozen_rows.leaf(frozen_rows.commit_key(row.salt, tweet_id, label, part), row.content)
        for row, tweet_id, label in zip(ordered, ids, labels, strict=True)
    )
    root = merkle.root(leaves).hex()
    query = text("SELECT chunk_id FROM snapshot_chunks WHERE root = :root")
    chunk_id = connection.execute(query, {"root": root}).scalar()
    if chunk_id is None:
        chunk_id = _insert(connection, root, part, leaves, [row.row_id for row in ordered])
    return StoredChunk(chunk_id=chunk_id, root=root)


def _find(
    connection: Connection, part: str, ids: Sequence[int], labels: Sequence[str], contents: Sequence[bytes]
) -> dict[int, _Commitment]:
    """Commitments of the rows that were frozen before, by tweet."""
    rows = {tweet_id: (label, content) for tweet_id, label, content in zip(ids, labels, contents, strict=True)}
    found: dict[int, _Commitment] = {}
    for row in connection.execute(FROZEN_BEFORE, {"tweet_ids": list(ids), "part": part}):
        label, content = rows[row.tweet_id]
        salt, commitment = row.salt, row.content_commitment
        if row.label == label and frozen_rows.commit_content(salt, content) == commitment:
            found[row.tweet_id] = _Commitment(row_id=row.row_id, salt=salt, content=commitment)
    return found


def _insert(connection: Connection, root: str, part: str, leaves: Sequence[bytes], row_ids: Sequence[int]) -> int:
    chunk_id: int = connection.execute(
        text("INSERT INTO snapshot_chunks (root, part, leaves) VALUES (:root, :part, :leaves) RETURNING chunk_id"),
        {"root": root, "part": part, "leaves": b"".join(leaves)},
    ).scalar_one()
    with raw(connection).cursor().copy("COPY chunk_rows (chunk_id, position, row_id) FROM STDIN") as copy:
        for position, row_id in enumerate(row_ids):
            copy.write_row((chunk_id, position, row_id))
    return chunk_id


def put_into(connection: Connection, snapshot_id: int, chunk_ids: Sequence[int]) -> None:
    """Make these chunks, in this order, the rows of a new snapshot."""
    connection.execute(
        text(
            "INSERT INTO snapshot_contents (snapshot_id, position, chunk_id) SELECT :snapshot, position - 1, chunk_id "
            "FROM unnest(CAST(:chunks AS bigint[])) WITH ORDINALITY AS contents (chunk_id, position)"
        ),
        {"snapshot": snapshot_id, "chunks": list(chunk_ids)},
    )


def replace_whole(connection: Connection, snapshot_id: int, chunk_ids: Sequence[int]) -> None:
    """Put these chunks in the place of rows without commitments.

    Raises LedgerBroken where the rows are not the same, or have commitments; the transaction is then lost.
    """
    query = text("SELECT replace_whole_rows(:snapshot, CAST(:chunks AS bigint[]))")
    try:
        connection.execute(query, {"snapshot": snapshot_id, "chunks": list(chunk_ids)})
    except IntegrityError as error:
        raise LedgerBroken(problem=str(error.orig).partition("\n")[0]) from error


def of_snapshot(connection: Connection, snapshot_id: int) -> list[Chunk]:
    """The chunks of a snapshot, in order."""
    query = text(CONTENTS + "WHERE s.snapshot_id = :snapshot ORDER BY s.position")
    return [
        Chunk(chunk_id=row.chunk_id, root=row.root, part=row.part, leaves=_split(row.leaves))
        for row in connection.execute(query, {"snapshot": snapshot_id})
    ]


def rows_of(connection: Connection, chunk_id: int) -> list[CommittedRow]:
    """The rows of a chunk, in order."""
    return [CommittedRow(**row) for row in connection.execute(ROWS, {"chunk": chunk_id}).mappings()]


def roots(connection: Connection) -> set[str]:
    """Roots of all chunks."""
    return set(connection.execute(text("SELECT root FROM snapshot_chunks")).scalars())


def to_rewrite(connection: Connection) -> list[tuple[int, str]]:
    """Ids and roots of the chunks whose files still hold erased rows."""
    query = text("SELECT chunk_id, root FROM chunks_to_rewrite JOIN snapshot_chunks USING (chunk_id) ORDER BY chunk_id")
    return [(row.chunk_id, row.root) for row in connection.execute(query)]


def mark_rewritten(connection: Connection, chunk_id: int) -> None:
    """The file of this chunk holds no erased row any more."""
    connection.execute(text("DELETE FROM chunks_to_rewrite WHERE chunk_id = :chunk"), {"chunk": chunk_id})


def _split(leaves: bytes | None) -> tuple[bytes, ...]:
    stored, size = leaves or b"", merkle.HASH_BYTES
    return tuple(stored[start : start + size] for start in range(0, len(stored), size))
