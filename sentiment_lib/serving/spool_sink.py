"""Stores batches of the spool in Postgres: tweets, predictions, feedback and labels, each once.

What was forgotten meanwhile is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from sentiment_lib.serving.spool import encode_batch
from sentiment_lib.storage import api_predictions, feedback, tombstones
from sentiment_lib.storage.engine import Store

#: Ids of tweets in a batch: reading them so takes a hundredth of the time of parsing it.
_TWEET_ID = re.compile(rb'"tweet_id":(\d+)')
#: In a batch that holds such a line, and in no other: quotes within a text are escaped.
_PREDICTION, _FEEDBACK = (f'"kind":"{kind}"'.encode() for kind in ("prediction", "feedback"))


def store_batches(store: Store, batches: Sequence[bytes]) -> None:
    """Store predictions, then feedback, in one transaction; each batch is a JSON list of lines.

    Storing the same batches twice changes nothing.
    """
    with store.begin() as connection:
        batches, forgotten = _without_forgotten(connection, batches)
        with_predictions = [batch for batch in batches if _PREDICTION in batch]
        newest: dict[tuple[int, int, str], dict[str, Any]] = {}
        for batch in batches:
            if _FEEDBACK in batch:
                for line in orjson.loads(batch):
                    if line["kind"] == "feedback":
                        newest[line["tweet_id"], line["version"], line["given_by"]] = line
        if forgotten:
            api_predictions.count_forgotten(connection, forgotten)
        if with_predictions:
            # joined as bytes, parsed by Postgres only
            lines = b",".join(batch[1:-1] for batch in with_predictions).decode()
            api_predictions.store_predictions(connection, f"[{lines}]")
        if newest:
            feedback.store_feedback(connection, orjson.dumps(list(newest.values())).decode())


def _without_forgotten(connection: Connection, batches: Sequence[bytes]) -> tuple[Sequence[bytes], int]:
    """The batches without lines of forgotten tweets, and how many predictions these had."""
    ids = {int(digits) for batch in batches for digits in _TWEET_ID.findall(batch)}
    forgotten = tombstones.refused(connection, ids).tweets
    if not forgotten:
        return batches, 0
    kept, predictions = [], 0
    for batch in batches:
        lines = orjson.loads(batch)
        remaining = [line for line in lines if line["tweet_id"] not in forgotten]
        predictions += sum(line["kind"] == "prediction" and line["tweet_id"] in forgotten for line in lines)
        if remaining:
            kept.append(encode_batch(remaining))
    return kept, predictions
