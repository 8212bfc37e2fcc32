"""A prediction by its public id, from the database: the API's own, and those of batch scoring."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sentiment_lib.errors import NotFound
from sentiment_lib.serving.prediction.prediction_ids import format_prediction_id
from sentiment_lib.storage import predictions
from sentiment_lib.storage.engine import Store


def prediction(store: Store, tweet_id: int, version: int) -> dict[str, Any]:
    """The prediction in the form of a spool line. Raises NotFound."""
    with store.begin() as connection:
        found = predictions.find(connection, tweet_id, version)
    if found is None:
        raise NotFound(what="prediction", key=format_prediction_id(tweet_id, version))
    return {**asdict(found), "kind": "prediction", "at": found.at.isoformat()}
