"""What is stored about the author of tweets: the tweets, and every row that refers to one of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

TWEETS = text(
    "SELECT tweet_id, text, language, airline, created_at, collected_at, synthetic, i.source "
    "FROM tweets JOIN ingests i USING (ingest_id) WHERE author_hash = :author ORDER BY tweet_id"
)
#: By name: rows of one tweet each, found by `ids`.
PARTS = {
    "predictions": "SELECT p.tweet_id, p.model_version, p.label, p.p_negative, p.p_neutral, p.p_positive, "
    "p.predicted_at FROM predictions p WHERE p.tweet_id = ANY(:ids) ORDER BY p.predicted_at, p.model_version",
    "labels": "SELECT l.tweet_id, l.label, l.source, l.labelled_at FROM labels l WHERE l.tweet_id = ANY(:ids) "
    "ORDER BY l.label_id",
    "feedback": "SELECT f.tweet_id, f.label, f.given_at FROM feedback f WHERE f.tweet_id = ANY(:ids) "
    "ORDER BY f.feedback_id",
    "snapshots": "SELECT r.tweet_id, r.snapshot_id, r.label, r.part FROM snapshot_rows r WHERE r.tweet_id = ANY(:ids) "
    "ORDER BY r.snapshot_id",
    "models": "SELECT r.tweet_id, v.version, v.family FROM snapshot_rows r JOIN model_versions v USING (snapshot_id) "
    "WHERE r.tweet_id = ANY(:ids) AND r.part = 'train' ORDER BY v.version",
}


def of_author(connection: Connection, author: bytes) -> list[dict[str, Any]]:
    """Tweets of an author (keyed hash) with predictions, labels, feedback, snapshots and models; oldest id first.

    Ids are text, since they exceed the integers that many readers of JSON hold exactly. Who labelled is left out: it
    is data of another person.
    """
    tweets = {row["tweet_id"]: dict(row) for row in connection.execute(TWEETS, {"author": author}).mappings()}
    for tweet in tweets.values():
        tweet["tweet_id"] = str(tweet["tweet_id"])
        tweet |= {name: [] for name in PARTS}
    for name, query in PARTS.items():
        for row in connection.execute(text(query), {"ids": list(tweets)}).mappings():
            values = dict(row)
            tweets[values.pop("tweet_id")][name].append(values)
    return list(tweets.values())
