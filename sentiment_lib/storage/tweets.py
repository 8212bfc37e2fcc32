"""Bulk writes of tweets and labels with COPY, through a staging table where duplicates are possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from operator import lt
from typing import Any

import pandas as pd
from psycopg import Cursor
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.storage.engine import lock, raw

TWEET_COLUMNS = "tweet_id, text, author_hash, language, airline, created_at, synthetic, ingest_id"
TweetTuple = tuple[int, str, bytes | None, str | None, str | None, datetime, bool]
LabelTuple = tuple[int, str, str, str, datetime, float | None]


class TweetWriter:
    """Writes the tweets of one ingest, batch by batch; tweets that are already stored stay unchanged.

    Ids grow with time, so new tweets usually have larger ids than all stored ones and arrive in order. Those are copied
    directly into the table while the next ones are validated; others go through a staging table.
    """

    def __init__(self, ingest_id: int) -> None:
        self.ingest_id = ingest_id
        self._direct = True

    def write(self, connection: Connection, chunks: Iterator[list[TweetTuple]]) -> int:
        """Store one batch, read chunk by chunk; returns how many tweets were new."""
        cursor = raw(connection).cursor()
        consumed: list[TweetTuple] = []
        if self._direct:
            try:
                self._direct_copy(cursor, chunks, consumed)
            except (_Unordered, UniqueViolation):  # another process stored them first
                self._direct = False
            else:
                return len(consumed)
        return self._via_staging(cursor, chain([consumed], chunks))

    def _direct_copy(self, cursor: Cursor[Any], chunks: Iterator[list[TweetTuple]], consumed: list[TweetTuple]) -> None:
        """Copy into the table inside a savepoint; `consumed` receives every tweet read, also when this fails."""
        with cursor.connection.transaction():
            self._copy(cursor, "tweets", _strictly_increasing(chunks, consumed, _newest(cursor)))

    def _via_staging(self, cursor: Cursor[Any], chunks: Iterable[list[TweetTuple]]) -> int:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS incoming_tweets (tweet_id bigint, text text, author_hash bytea, language "
            "text, airline text, created_at timestamptz, synthetic boolean, ingest_id bigint) ON COMMIT DELETE ROWS"
        )
        self._copy(cursor, "incoming_tweets", chunks)
        cursor.execute(
            # a fixed insertion order: two ingests that share tweets wait for each other instead of deadlocking.
            # Of two rows with one id, the first to arrive is kept (ctid is the order of arrival)
            f"INSERT INTO tweets ({TWEET_COLUMNS}) SELECT {TWEET_COLUMNS} FROM incoming_tweets "
            "ORDER BY tweet_id, ctid ON CONFLICT (tweet_id) DO NOTHING"
        )
        return cursor.rowcount

    def _copy(self, cursor: Cursor[Any], table: str, chunks: Iterable[list[TweetTuple]]) -> None:
        with cursor.copy(f"COPY {table} ({TWEET_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "text", "bytea", "text", "text", "timestamptz", "bool", "int8"])
            for tweet in chain.from_iterable(chunks):
                copy.write_row((*tweet, self.ingest_id))


class _Unordered(Exception):
    """The ids do not grow from tweet to tweet, or some may be stored already."""


def _newest(cursor: Cursor[Any]) -> int:
    """Largest id of the collected tweets; 0 without any."""
    cursor.execute("SELECT coalesce(max(tweet_id), 0) FROM tweets WHERE tweet_id < %s", (API_IDS_FROM,))
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def _strictly_increasing(
    chunks: Iterator[list[TweetTuple]], consumed: list[TweetTuple], newest: int
) -> Iterator[list[TweetTuple]]:
    """Yield chunks while ids grow beyond `newest`. Raises _Unordered at the first chunk that breaks the order.

    `consumed` receives every tweet that was read, also those of the offending chunk.
    """
    for chunk in chunks:
        consumed += chunk
        ids = [newest, *(tweet[0] for tweet in chunk)]
        if not all(map(lt, ids, ids[1:])):
            raise _Unordered
        newest = ids[-1]
        yield chunk


def store_labels(connection: Connection, ingest_id: int, labels: Sequence[LabelTuple]) -> int:
    """Store labels (tweet, label, kind of source, by whom, when, confidence); returns how many were new or newer.

    A repeated label of one source gets the later time. Of labels with the same time, later rows get larger ids.
    """
    if not labels:
        return 0
    cursor = raw(connection).cursor()
    cursor.execute(
        "CREATE TEMP TABLE IF NOT EXISTS incoming_labels (tweet_id bigint, label text, source text, "
        "labelled_by text, labelled_at timestamptz, confidence float8) ON COMMIT DELETE ROWS"
    )
    columns = "tweet_id, label, source, labelled_by, labelled_at, confidence"
    with cursor.copy(f"COPY incoming_labels ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int8", "text", "text", "text", "timestamptz", "float8"])
        for label in labels:
            copy.write_row(label)
    # rows keep their order of arrival, so two ingests must take turns (no deadlock)
    lock(connection, "labels")
    cursor.execute(
        f"INSERT INTO labels ({columns}, ingest_id) SELECT {columns}, %s FROM (SELECT DISTINCT ON (tweet_id, source, "
        "labelled_by, label) *, ctid AS arrival FROM incoming_labels "
        "ORDER BY tweet_id, source, labelled_by, label, labelled_at DESC, ctid DESC) newest "
        "ORDER BY tweet_id, source, labelled_by, arrival "
        "ON CONFLICT (tweet_id, source, labelled_by, label) DO UPDATE SET labelled_at = excluded.labelled_at, "
        "confidence = excluded.confidence WHERE labels.labelled_at < excluded.labelled_at",
        (ingest_id,),
    )
    return cursor.rowcount


def newest_id(connection: Connection, source: str) -> int | None:
    """Largest tweet id of the named source; None without any."""
    newest: int | None = connection.execute(
        text("SELECT max(tweet_id) FROM tweets JOIN ingests USING (ingest_id) WHERE source = :source"),
        {"source": source},
    ).scalar_one()
    return newest


def texts(
    connection: Connection, *, before: datetime, collected: datetime, limit: int, snapshot_id: int | None = None
) -> list[str]:
    """Texts of the newest tweets created before `before` and collected until `collected`, oldest first.

    Excludes tweets of the snapshot, synthetic tweets and texts sent to the API. Tweets and snapshots are immutable, so
    the same arguments always give the same texts.
    """
    rows = connection.execute(
        text(
            "SELECT t.text FROM tweets t JOIN ingests i USING (ingest_id) WHERE t.created_at < :before "
            "AND t.collected_at <= :collected AND NOT t.synthetic AND i.source <> 'api' AND NOT EXISTS "
            "(SELECT FROM snapshot_rows r WHERE r.snapshot_id = :snapshot AND r.tweet_id = t.tweet_id) "
            "ORDER BY t.created_at DESC, t.tweet_id DESC LIMIT :limit"
        ),
        {"before": before, "collected": collected, "limit": limit, "snapshot": snapshot_id},
    )
    return list(rows.scalars())[::-1]


def any_stored(connection: Connection) -> bool:
    """Whether any tweet is stored."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM tweets)")).scalar_one())


def newest_frame(connection: Connection, *, rows: int, ingest_ids: Sequence[int] | None = None) -> pd.DataFrame:
    """The newest collected tweets, of these ingests only (None: of all): tweet_id, text, created_at, airline."""
    of_ingests = "AND ingest_id = ANY(:ids)" if ingest_ids is not None else ""
    result = connection.execute(
        text(
            "SELECT tweet_id, text, created_at, airline FROM tweets "
            f"WHERE tweet_id < {API_IDS_FROM} {of_ingests} ORDER BY tweet_id DESC LIMIT :rows"
        ),
        {"rows": rows} | ({"ids": list(ingest_ids)} if ingest_ids is not None else {}),
    )
    return pd.DataFrame(result.mappings().all(), columns=["tweet_id", "text", "created_at", "airline"])


def created_before(connection: Connection, moment: datetime) -> list[int]:
    """Ids of the tweets created before this moment, in order."""
    query = text("SELECT tweet_id FROM tweets WHERE created_at < :moment ORDER BY tweet_id")
    return list(connection.execute(query, {"moment": moment}).scalars())


def count_of_author(connection: Connection, author: bytes) -> int:
    """Number of stored tweets of an author (keyed hash); reads all, since there is no index by author."""
    query = text("SELECT count(*) FROM tweets WHERE author_hash = :author")
    return int(connection.execute(query, {"author": author}).scalar_one())


def collected_ids(connection: Connection) -> list[int]:
    """Ids of all tweets of a real source, in order: neither synthetic ones nor texts sent to the API."""
    query = text(f"SELECT tweet_id FROM tweets WHERE NOT synthetic AND tweet_id < {API_IDS_FROM} ORDER BY tweet_id")
    return list(connection.execute(query).scalars())
