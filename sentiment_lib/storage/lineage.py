"""Lineage of a tweet: its source, labels, predictions, snapshots and the versions trained on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.errors import NotFound
from sentiment_lib.records import API_IDS_FROM

TWEET = text(
    "SELECT t.tweet_id, t.text, t.language, t.airline, t.created_at, t.collected_at, t.synthetic, i.source "
    "FROM tweets t JOIN ingests i USING (ingest_id) WHERE t.tweet_id = :tweet"
)
PREDICTIONS = text(
    "SELECT p.model_version, v.family, p.label, p.p_negative, p.p_neutral, p.p_positive, p.predicted_at "
    "FROM predictions p JOIN model_versions v ON v.version = p.model_version WHERE p.tweet_id = :tweet "
    "ORDER BY p.model_version"
)
LABELS = text(
    "SELECT label, source, labelled_by, labelled_at, inclusion_probability FROM labels "
    "WHERE tweet_id = :tweet ORDER BY label_id"
)
SNAPSHOTS = text(
    "SELECT r.snapshot_id, r.part, r.label, s.created_at, array_remove(array_agg(v.version), NULL) AS versions "
    "FROM snapshot_rows r JOIN snapshots s USING (snapshot_id) LEFT JOIN model_versions v USING (snapshot_id) "
    "WHERE r.tweet_id = :tweet GROUP BY r.snapshot_id, r.part, r.label, s.created_at ORDER BY r.snapshot_id"
)
CORRECTIONS = text(
    "SELECT p.model_version, p.label AS predicted_label, f.label, f.given_by, f.given_at FROM feedback f "
    "JOIN predictions p USING (tweet_id, model_version) WHERE f.tweet_id = :tweet ORDER BY f.feedback_id"
)
NEWEST = text("SELECT tweet_id FROM tweets WHERE tweet_id < :api_ids_from ORDER BY tweet_id DESC LIMIT :rows")


@dataclass(frozen=True, kw_only=True)
class TweetRecord:
    """A stored tweet and the source that it came from."""

    tweet_id: int
    text: str
    language: str | None
    airline: str | None
    created_at: datetime
    collected_at: datetime
    synthetic: bool
    source: str


@dataclass(frozen=True, kw_only=True)
class TweetPrediction:
    """What one version predicted for the tweet."""

    model_version: int
    family: str
    label: str
    p_negative: float
    p_neutral: float
    p_positive: float
    predicted_at: datetime


@dataclass(frozen=True, kw_only=True)
class TweetLabel:
    """A label of the tweet."""

    label: str
    source: str
    labelled_by: str
    labelled_at: datetime
    inclusion_probability: float | None


@dataclass(frozen=True, kw_only=True)
class TweetSnapshot:
    """A snapshot that holds the tweet, and the versions that were trained on it."""

    snapshot_id: int
    part: str
    label: str
    created_at: datetime
    versions: list[int]


@dataclass(frozen=True, kw_only=True)
class TweetCorrection:
    """A person's feedback on a prediction of the tweet."""

    model_version: int
    predicted_label: str
    label: str
    given_by: str
    given_at: datetime


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Everything that refers to one tweet."""

    tweet: TweetRecord
    predictions: tuple[TweetPrediction, ...]
    labels: tuple[TweetLabel, ...]
    snapshots: tuple[TweetSnapshot, ...]
    corrections: tuple[TweetCorrection, ...]


def trace(connection: Connection, tweet_id: int) -> Lineage:
    """The lineage of a stored tweet. Raises NotFound for an unknown id."""
    key = {"tweet": tweet_id}
    tweet = connection.execute(TWEET, key).mappings().one_or_none()
    if tweet is None:
        raise NotFound(what="tweet", key=tweet_id)
    return Lineage(
        tweet=TweetRecord(**tweet),
        predictions=tuple(TweetPrediction(**row) for row in connection.execute(PREDICTIONS, key).mappings()),
        labels=tuple(TweetLabel(**row) for row in connection.execute(LABELS, key).mappings()),
        snapshots=tuple(TweetSnapshot(**row) for row in connection.execute(SNAPSHOTS, key).mappings()),
        corrections=tuple(TweetCorrection(**row) for row in connection.execute(CORRECTIONS, key).mappings()),
    )


def newest_tweet_ids(connection: Connection, rows: int = 5) -> list[int]:
    """Ids of the newest collected tweets, without texts sent to the API."""
    return list(connection.execute(NEWEST, {"api_ids_from": API_IDS_FROM, "rows": rows}).scalars())
