"""Rows of forgotten tweets: their texts while they are there, their erasure, and words of theirs in other rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

#: Rows read at once.
PAGE = 2_000
#: Tables with rows of tweets, and the view of frozen rows.
COUNTED = (
    *("tweets", "predictions", "labels", "label_picks", "feedback", "audit_sample", "tweets_to_score"),
    *("labelled_tweets", "snapshot_rows"),
)
#: Texts of other tweets that tell common words from rare ones.
SAMPLE = 20_000

# for each word an index lookup that ends at the first other tweet; LATERAL, or the planner would read every tweet
ELSEWHERE = text(
    """
    SELECT w.word FROM unnest(CAST(:words AS text[])) w (word)
    LEFT JOIN LATERAL (
        SELECT 1 AS hit FROM tweets t
        WHERE to_tsvector('simple'::regconfig, t.text) @@ plainto_tsquery('simple', w.word)
          AND NOT EXISTS (SELECT FROM erasure_targets e WHERE e.tweet_id = t.tweet_id) LIMIT 1) other ON true
    WHERE other.hit IS NULL
    """
)


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """Columns of one table that may hold words of tweets in a row that stays."""

    table: str
    key: str
    columns: tuple[str, ...]
    #: condition on rows that may concern tweets created between :first and :last
    where: str = "true"


#: Texts that quote tweets. An alert's text names examples; a drift report has their ids and changed words.
QUOTING = (
    TextColumns(table="alerts", key="alert_id", columns=("title", "body")),
    TextColumns(table="alert_responses", key="response_id", columns=("comment",)),
    TextColumns(
        table="drift_reports",
        key="report_id",
        columns=("signals", "details", "html_path"),
        where="reference_start <= :last AND current_end > :first",
    ),
    TextColumns(table="ingests", key="ingest_id", columns=("input_digest",), where="source = 'x'"),
)


def stored_texts(connection: Connection, tweet_ids: Sequence[int]) -> list[tuple[int, str, datetime]]:
    """(id, text, creation) of those that are stored."""
    query = text("SELECT tweet_id, text, created_at FROM tweets WHERE tweet_id = ANY(:ids)")
    return [(row.tweet_id, row.text, row.created_at) for row in connection.execute(query, {"ids": list(tweet_ids)})]


def every_id(connection: Connection) -> Iterator[tuple[int, bytes | None]]:
    """(id, keyed hash of the author) of every stored tweet, and of frozen rows whose tweet is not stored."""
    query = text(
        "SELECT tweet_id, author_hash FROM tweets UNION ALL SELECT DISTINCT tweet_id, NULL::bytea FROM frozen_rows f "
        "WHERE NOT EXISTS (SELECT FROM tweets t WHERE t.tweet_id = f.tweet_id)"
    )
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        yield row.tweet_id, None if row.author_hash is None else bytes(row.author_hash)


def common_texts(connection: Connection) -> list[str]:
    """Texts of the newest tweets that no open request names."""
    query = text(
        "SELECT text FROM tweets t WHERE NOT EXISTS (SELECT FROM erasure_targets e WHERE e.tweet_id = t.tweet_id) "
        "ORDER BY tweet_id DESC LIMIT :rows"
    )
    return list(connection.execute(query, {"rows": SAMPLE}).scalars())


def in_no_other_text(connection: Connection, words: Sequence[str]) -> set[str]:
    """Those words that stand in no stored text but those of tweets that an open request names."""
    return set(connection.execute(ELSEWHERE, {"words": list(words)}).scalars())


def count_stored(connection: Connection, tweet_ids: Sequence[int]) -> dict[str, int]:
    """Rows of these tweets by table."""
    counts = {}
    for table in COUNTED:
        query = text(f"SELECT count(*) FROM {table} WHERE tweet_id = ANY(:ids)")
        counts[table] = int(connection.execute(query, {"ids": list(tweet_ids)}).scalar_one())
    return counts


def erase(connection: Connection, request_id: int, tweet_ids: Sequence[int]) -> dict[str, int]:
    """Erase these tweets of a request that is being erased, with all rows that refer to them; rows by table."""
    query = text("SELECT erase_tweets(:request, CAST(:ids AS bigint[]))")
    counts: dict[str, int] = connection.execute(query, {"request": request_id, "ids": list(tweet_ids)}).scalar_one()
    return counts


def quarantined(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """(id, reason, raw row) of each quarantined row."""
    query = text(
        "SELECT quarantine_id, coalesce(reason, '') AS reason, coalesce(raw, '') AS raw FROM quarantine "
        "WHERE quarantine_id > :last ORDER BY quarantine_id LIMIT :rows"
    )
    last = 0
    while rows := connection.execute(query, {"last": last, "rows": PAGE}).all():
        yield from ((row.quarantine_id, row.reason, row.raw) for row in rows)
        last = rows[-1].quarantine_id


def delete_quarantined(connection: Connection, ids: Sequence[int]) -> int:
    """Delete these quarantined rows; returns how many there were."""
    query = text("DELETE FROM quarantine WHERE quarantine_id = ANY(:ids)")
    return connection.execute(query, {"ids": list(ids)}).rowcount


Clean = Callable[[Any], Any]


def differing(
    connection: Connection, columns: TextColumns, clean: Clean, *, first: datetime, last: datetime
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(key, cleaned values) of each row that `clean`, applied to the values of the columns, would change.

    first, last: creation of the oldest and the newest forgotten tweet.
    """
    listed = ", ".join(columns.columns)
    query = text(
        f"SELECT {columns.key} AS key, {listed} FROM {columns.table} WHERE {columns.key} > :after AND {columns.where} "
        f"ORDER BY {columns.key} LIMIT :rows"
    )
    after = 0
    while (
        rows := connection.execute(query, {"after": after, "rows": PAGE, "first": first, "last": last}).mappings().all()
    ):
        for row in rows:
            values = {name: row[name] for name in columns.columns}
            cleaned = {name: clean(value) for name, value in values.items()}
            if cleaned != values:
                yield int(row["key"]), cleaned
        after = int(rows[-1]["key"])


def replace_words(
    connection: Connection, request_id: int, columns: TextColumns, key: int, values: Mapping[str, Any]
) -> None:
    """Write the cleaned values of one row."""
    query = text("SELECT erase_words(:request, :table, :key, CAST(:values AS jsonb))")
    connection.execute(
        query, {"request": request_id, "table": columns.table, "key": key, "values": json.dumps(dict(values))}
    )
