"""Find tweets with the predictions and labels on them; every query reads an index in the order of its answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from sentiment_lib.errors import TooSlow
from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.storage.acting_labels import NEWEST_FIRST

NEWEST_NEGATIVE = """
    SELECT t.tweet_id, t.text, t.airline, t.created_at, t.synthetic, p.p_negative
    FROM tweets t JOIN predictions p ON p.tweet_id = t.tweet_id AND p.model_version = :version
    WHERE p.label = 'negative' AND t.created_at >= :start AND t.created_at < :end AND t.tweet_id < {ids} {airline}
    ORDER BY t.created_at DESC, t.tweet_id DESC LIMIT :limit
"""


@dataclass(frozen=True, kw_only=True)
class NegativeTweet:
    """A tweet that a version predicts negative."""

    tweet_id: int
    text: str
    airline: str | None
    created_at: datetime
    synthetic: bool
    p_negative: float


def newest_negative(
    connection: Connection, version: int, first: date, last: date, airline: str | None, limit: int
) -> list[NegativeTweet]:
    """The newest tweets of these days (UTC) that the version predicts negative; `airline`: only its, "" for none."""
    condition = "" if airline is None else "AND coalesce(t.airline, '') = :airline"
    rows = connection.execute(
        text(NEWEST_NEGATIVE.format(airline=condition, ids=API_IDS_FROM)),
        {
            "version": version,
            "start": f"{first} 00:00+00",
            "end": f"{last + timedelta(days=1)} 00:00+00",
            "limit": limit,
            **({} if airline is None else {"airline": airline}),
        },
    )
    return [NegativeTweet(**row) for row in rows.mappings()]


#: Text search configuration: words as written, since the tweets are in many languages.
WORDS = "to_tsvector('simple'::regconfig, t.text)"
#: Tweets looked at for one page when predictions or labels decide; the next page goes on where this one stopped.
SCANNED = 5_000
SEARCH = """
    WITH candidates AS MATERIALIZED (
        SELECT t.tweet_id, t.text, t.airline, t.created_at, t.synthetic FROM tweets t
        WHERE t.created_at >= :start AND t.created_at < :end AND t.tweet_id < {ids} {conditions}
        ORDER BY t.created_at DESC, t.tweet_id DESC LIMIT :scanned),
    matches AS (
        SELECT c.*, p.label, p.p_negative, p.p_neutral, p.p_positive, o.label AS other_label, l.label AS true_label
        FROM candidates c
        LEFT JOIN predictions p ON p.tweet_id = c.tweet_id AND p.model_version = :version
        LEFT JOIN predictions o ON o.tweet_id = c.tweet_id AND o.model_version = :other
        LEFT JOIN LATERAL (
            SELECT label FROM labels l WHERE tweet_id = c.tweet_id
            ORDER BY array_position(ARRAY['audit', 'person', 'dataset', 'feedback'], source), {newest_first} LIMIT 1) l
            ON true
        {filters}
        ORDER BY c.created_at DESC, c.tweet_id DESC LIMIT :limit)
    SELECT m.*, edge.scanned, edge.last_at, edge.last_id FROM
        (SELECT count(*) AS scanned, min(created_at) AS last_at,
                (SELECT tweet_id FROM candidates ORDER BY created_at, tweet_id LIMIT 1) AS last_id FROM candidates) edge
        LEFT JOIN matches m ON true
    ORDER BY m.created_at DESC, m.tweet_id DESC
"""


@dataclass(frozen=True, kw_only=True)
class TweetQuery:
    """What to look for. `version` predicts; `other` is compared with it."""

    first: date
    last: date
    version: int
    #: words and "phrases" as in a web search; "" for any
    words: str = ""
    #: None for any, "" for tweets without one
    airline: str | None = None
    label: str | None = None
    #: only tweets to which `other` gives another label
    other: int | None = None
    #: only tweets whose label, by a person or data set, is not the predicted one
    wrong: bool = False
    #: (created_at, tweet_id) of the last tweet of the page before
    after: tuple[datetime, int] | None = None


@dataclass(frozen=True, kw_only=True)
class TweetMatch:
    """A tweet with what is predicted and known of it."""

    tweet_id: int
    text: str
    airline: str | None
    created_at: datetime
    synthetic: bool
    label: str | None
    p_negative: float | None
    p_neutral: float | None
    p_positive: float | None
    other_label: str | None
    true_label: str | None


@dataclass(frozen=True, kw_only=True)
class TweetPage:
    """Matches, newest first, and where the next page begins; None at the end."""

    matches: tuple[TweetMatch, ...]
    after: tuple[datetime, int] | None


def search(connection: Connection, query: TweetQuery, limit: int, *, deadline: float | None = None) -> TweetPage:
    """A page of matches. It may hold fewer than `limit`, or none, and still have a next one.

    deadline: when it must have ended, in seconds of time.monotonic(). Raises TooSlow then.
    """
    if deadline is None:
        return _search(connection, query, limit)
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TooSlow
    connection.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": f"{remaining:.3f}s"})
    try:
        return _search(connection, query, limit)
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled):
            raise TooSlow from error
        raise


def _search(connection: Connection, query: TweetQuery, limit: int) -> TweetPage:
    conditions, filters = [], []
    if query.words:
        conditions.append(f"AND {WORDS} @@ websearch_to_tsquery('simple', :words)")
    if query.airline is not None:
        conditions.append("AND t.airline = :airline" if query.airline else "AND t.airline IS NULL")
    if query.after is not None:
        conditions.append("AND (t.created_at, t.tweet_id) < (:after_at, :after_id)")
    if query.label is not None:
        filters.append("p.label = :label")
    if query.other is not None:
        filters.append("o.label <> p.label")
    if query.wrong:
        filters.append("l.label <> p.label")
    scanned = SCANNED if filters else limit
    after_at, after_id = query.after or (None, None)
    statement = SEARCH.format(
        ids=API_IDS_FROM,
        newest_first=NEWEST_FIRST,
        conditions=" ".join(conditions),
        filters=f"WHERE {' AND '.join(filters)}" if filters else "",
    )
    rows = connection.execute(
        text(statement),
        {
            "start": f"{query.first} 00:00+00",
            "end": f"{query.last + timedelta(days=1)} 00:00+00",
            "version": query.version,
            "other": query.other,
            "words": query.words,
            "airline": query.airline,
            "after_at": after_at,
            "after_id": after_id,
            "label": query.label,
            "scanned": scanned,
            "limit": limit,
        },
    )
    found = rows.mappings().all()
    edge = found[0]
    fields = TweetMatch.__dataclass_fields__
    matches = tuple(TweetMatch(**{name: row[name] for name in fields}) for row in found if row["tweet_id"] is not None)
    if len(matches) == limit:
        return TweetPage(matches=matches, after=(matches[-1].created_at, matches[-1].tweet_id))
    return TweetPage(matches=matches, after=(edge["last_at"], edge["last_id"]) if edge["scanned"] == scanned else None)
