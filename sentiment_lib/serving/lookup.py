"""A prediction by its public id, from the database: the API's own, and those of batch scoring."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from sentiment_lib.errors import NotFound
from sentiment_lib.serving.prediction.prediction_ids import prediction_key
from sentiment_lib.storage.engine import Store

FIND = text(
    """
    SELECT p.tweet_id, p.model_version AS version, t.text, t.language, t.airline, p.label, p.predicted_at AS at,
           p.p_negative, p.p_neutral, p.p_positive
    FROM predictions p JOIN tweets t ON t.tweet_id = p.tweet_id
    WHERE p.tweet_id = :tweet AND p.model_version = :version
    """
)


def prediction(store: Store, tweet_id: int, version: int) -> dict[str, Any]:
    """The prediction in the form of a spool line; NotFound when it is not stored."""
    with store.begin() as connection:
        row = connection.execute(FIND, {"tweet": tweet_id, "version": version}).mappings().one_or_none()
    if row is None:
        raise NotFound(what="prediction", key=prediction_key(tweet_id, version))
    return {**row, "kind": "prediction", "at": row["at"].isoformat()}
