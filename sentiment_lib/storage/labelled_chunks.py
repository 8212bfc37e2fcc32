"""Chunks of the labelled tweets of this moment: each covers a range, and goes when a row of the range changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from sentiment_lib.evaluation.frozen_rows import PARTS, ends_chunk
from sentiment_lib.evaluation.holdout_split import COLUMNS
from sentiment_lib.storage import snapshot_chunks
from sentiment_lib.storage.snapshot_chunks import StoredChunk
from sentiment_lib.storage.tweet_lookup import tweet_of

#: Before and after every tweet: (created_at, tweet_id).
BEGINNING, END = (datetime(1, 1, 1, tzinfo=UTC), 0), (datetime(9999, 12, 31, tzinfo=UTC), 0)
#: More changed rows than this drop all chunks, instead of being compared with each.
FEW = 20_000
#: A range excludes its first place; but a row that goes from there has ended the chunk before.
DROP = text(
    "DELETE FROM labelled_chunks c USING unnest(CAST(:parts AS text[]), CAST(:times AS timestamptz[]), "
    "CAST(:ids AS bigint[])) changed (part, created_at, tweet_id) WHERE changed.part = c.part "
    "AND (changed.created_at, changed.tweet_id) >= (c.after_at, c.after_id) "
    "AND (changed.created_at, changed.tweet_id) <= (c.end_at, c.end_id)"
)
CURRENT = text(
    "SELECT chunk_id, root, after_at, after_id, end_at, end_id FROM labelled_chunks l "
    "JOIN snapshot_chunks USING (chunk_id) WHERE l.part = :part ORDER BY after_at, after_id"
)
ROWS = text(
    "SELECT l.tweet_id, l.created_at, t.text, t.airline, t.language, "
    "CASE part WHEN 'train' THEN l.label ELSE l.judging_label END AS label, "
    "CASE part WHEN 'train' THEN l.label_source ELSE l.judging_source END AS label_source, l.part "
    f"FROM labelled_tweets l JOIN {tweet_of('l')} t USING (tweet_id) WHERE l.part = :part "
    "AND (l.created_at, l.tweet_id) > (:after_at, :after_id) AND (l.created_at, l.tweet_id) <= (:end_at, :end_id) "
    "ORDER BY l.created_at, l.tweet_id"
)

Position = tuple[datetime, int]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row is: its part, and its place in it."""

    part: str
    created_at: datetime
    tweet_id: int


def drop(connection: Connection, places: Sequence[Place]) -> None:
    """Drop the chunks in which rows changed, came or went."""
    if len(places) > FEW:
        connection.execute(text("DELETE FROM labelled_chunks"))
    elif places:
        connection.execute(
            DROP,
            {
                "parts": [place.part for place in places],
                "times": [place.created_at for place in places],
                "ids": [place.tweet_id for place in places],
            },
        )


def freeze(
    connection: Connection, *, is_kept: Callable[[str], bool], write: Callable[[str, pd.DataFrame], None]
) -> list[StoredChunk]:
    """The chunks of all rows, training rows first; those that were dropped are stored anew.

    is_kept: whether the file of a chunk with this root is there. write: writes the file of a chunk with these rows.
    """
    frozen: list[StoredChunk] = []
    for part in PARTS:
        reached: Position = BEGINNING
        for row in connection.execute(CURRENT, {"part": part}).all():
            after, end = (row.after_at, row.after_id), (row.end_at, row.end_id)
            if after != reached:
                frozen += _store(connection, part, reached, after, write)
            if is_kept(row.root):
                frozen.append(StoredChunk(chunk_id=row.chunk_id, root=row.root))
            else:
                connection.execute(text("DELETE FROM labelled_chunks WHERE chunk_id = :id"), {"id": row.chunk_id})
                frozen += _store(connection, part, after, end, write)
            reached = end
        if reached != END:
            frozen += _store(connection, part, reached, END, write)
    return frozen


def _store(
    connection: Connection, part: str, after: Position, end: Position, write: Callable[[str, pd.DataFrame], None]
) -> Iterator[StoredChunk]:
    """Store the chunks between two places, each of which ends a chunk."""
    for rows, last in _cut(connection, part, after, end):
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        frame["created_at"] = pd.to_datetime(frame["created_at"], utc=True)
        chunk = snapshot_chunks.store(connection, part, frame)
        write(chunk.root, frame)
        connection.execute(
            text("INSERT INTO labelled_chunks VALUES (:chunk, :part, :after_at, :after_id, :end_at, :end_id)"),
            {"chunk": chunk.chunk_id, "part": part, **_range(after, last)},
        )
        after = last
        yield chunk


def _cut(
    connection: Connection, part: str, after: Position, end: Position
) -> Iterator[tuple[list[Sequence[Any]], Position]]:
    """Rows of each chunk in a range, with the place where it ends."""
    rows: list[Sequence[Any]] = []
    found = connection.execute(ROWS, {"part": part, **_range(after, end)}, execution_options={"yield_per": 1000})
    for row in found:
        rows.append(row)
        if ends_chunk(row.tweet_id):
            yield rows, (row.created_at, row.tweet_id)
            rows = []
    if rows:
        yield rows, end


def _range(after: Position, end: Position) -> dict[str, Any]:
    return {"after_at": after[0], "after_id": after[1], "end_at": end[0], "end_id": end[1]}
