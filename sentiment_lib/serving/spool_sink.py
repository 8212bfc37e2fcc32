"""Stores batches of the spool in Postgres: tweets, predictions, feedback and labels, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from sentiment_lib.storage import api_predictions, feedback
from sentiment_lib.storage.engine import Store

#: In a batch that holds such a line, and in no other: quotes within a text are escaped.
_PREDICTION, _FEEDBACK = (f'"kind":"{kind}"'.encode() for kind in ("prediction", "feedback"))


def store_batches(store: Store, batches: Sequence[bytes]) -> None:
    """Store predictions, then feedback, in one transaction; each batch is a JSON list of lines.

    Storing the same batches twice changes nothing.
    """
    with_predictions = [batch for batch in batches if _PREDICTION in batch]
    newest: dict[tuple[int, int, str], dict[str, Any]] = {}
    for batch in batches:
        if _FEEDBACK in batch:
            for line in orjson.loads(batch):
                if line["kind"] == "feedback":
                    newest[line["tweet_id"], line["version"], line["given_by"]] = line
    with store.begin() as connection:
        if with_predictions:
            # joined as bytes, parsed by Postgres only
            lines = b",".join(batch[1:-1] for batch in with_predictions).decode()
            api_predictions.store_predictions(connection, f"[{lines}]")
        if newest:
            feedback.store_feedback(connection, orjson.dumps(list(newest.values())).decode())
