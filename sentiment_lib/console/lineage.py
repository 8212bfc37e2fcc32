"""From a tweet to every model that scored it and every model that learned from it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.errors import NotFound
from sentiment_lib.records import API_IDS_FROM

TWEET = text(
    "SELECT t.tweet_id, t.text, t.language, t.airline, t.created_at, t.collected_at, t.synthetic, i.source "
    "FROM tweets t JOIN ingests i USING (ingest_id) WHERE t.tweet_id = :tweet"
)
NEWEST = text("SELECT tweet_id FROM tweets WHERE tweet_id < :typed ORDER BY tweet_id DESC LIMIT 5")
PARTS = {
    "predictions": "SELECT p.model_version, v.family, p.label, p.p_negative, p.p_neutral, p.p_positive, p.predicted_at "
    "FROM predictions p JOIN model_versions v ON v.version = p.model_version WHERE p.tweet_id = :tweet "
    "ORDER BY p.model_version",
    "labels": "SELECT label, source, labelled_by, labelled_at, inclusion_probability FROM labels "
    "WHERE tweet_id = :tweet ORDER BY label_id",
    "snapshots": "SELECT r.snapshot_id, r.part, r.label, s.created_at, array_remove(array_agg(v.version), NULL) "
    "AS versions FROM snapshot_rows r JOIN snapshots s USING (snapshot_id) "
    "LEFT JOIN model_versions v USING (snapshot_id) WHERE r.tweet_id = :tweet "
    "GROUP BY r.snapshot_id, r.part, r.label, s.created_at ORDER BY r.snapshot_id",
}


def newest(connection: Connection) -> list[int]:
    """Ids of a few tweets to begin with; none that people typed into the API."""
    return list(connection.execute(NEWEST, {"typed": API_IDS_FROM}).scalars())


def view(connection: Connection, tweet_id: int) -> dict[str, Any]:
    """Everything that hangs on a tweet; NotFound when it is not stored."""
    tweet = connection.execute(TWEET, {"tweet": tweet_id}).mappings().one_or_none()
    if tweet is None:
        raise NotFound(what="tweet", key=tweet_id)
    parts = {
        name: [dict(row) for row in connection.execute(text(query), {"tweet": tweet_id}).mappings()]
        for name, query in PARTS.items()
    }
    return {"tweet": dict(tweet), **parts}
