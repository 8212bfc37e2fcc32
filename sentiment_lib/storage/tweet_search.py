"""Find tweets with the predictions and labels on them; every query reads an index in the order of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM

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
