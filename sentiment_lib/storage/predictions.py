"""Predictions: which tweets a version has not scored, its scores in bulk, and the audit sample among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM, LABELS
from sentiment_lib.storage.engine import raw

# what came in through the API was answered there, by the champion of that moment
UNSCORED = text(
    f"""
    SELECT t.tweet_id, t.text FROM tweets t
    WHERE t.tweet_id > :after AND t.tweet_id < {API_IDS_FROM}
      AND NOT EXISTS (SELECT 1 FROM predictions p WHERE p.tweet_id = t.tweet_id AND p.model_version = :version)
    ORDER BY t.tweet_id LIMIT :rows
    """
)
STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS scored (
        tweet_id bigint, label text, p_negative real, p_neutral real, p_positive real, share double precision
    ) ON COMMIT DELETE ROWS
"""
STORE = text(
    """
    INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive)
    SELECT tweet_id, :version, label, p_negative, p_neutral, p_positive FROM scored
    ON CONFLICT (tweet_id, model_version) DO NOTHING
    """
)
# joined again instead of taken from RETURNING: a batch that was stored by another run is drawn all the same
DRAW = text(
    f"""
    INSERT INTO audit_sample (prediction_id, inclusion_probability)
    SELECT p.prediction_id, s.share FROM scored s
    JOIN predictions p ON p.tweet_id = s.tweet_id AND p.model_version = :version
    WHERE s.share IS NOT NULL AND s.tweet_id < {API_IDS_FROM}
    ON CONFLICT (prediction_id) DO NOTHING
    """
)


def unscored(connection: Connection, version: int, *, after: int, rows: int) -> list[tuple[int, str]]:
    """The next collected tweets (id above `after`, by id) that this version has not scored."""
    where = {"version": version, "after": after, "rows": rows}
    return [(row.tweet_id, row.text) for row in connection.execute(UNSCORED, where)]


def store(
    connection: Connection,
    version: int,
    tweet_ids: Sequence[int],
    proba: NDArray[np.float64],
    drawn: Sequence[float | None],
) -> int:
    """Store probabilities (n, 3); returns how many are new. `drawn`: inclusion probability of those to be audited."""
    best = proba.argmax(axis=1)
    # a probability of 1e-47 is out of range for a real, and an error to Postgres
    proba = proba.round(7)
    connection.exec_driver_sql(STAGE)
    with raw(connection).cursor().copy("COPY scored FROM STDIN") as copy:
        for tweet_id, row, top, share in zip(tweet_ids, proba.tolist(), best.tolist(), drawn, strict=True):
            copy.write_row((tweet_id, str(LABELS[top]), *row, share))
    stored = connection.execute(STORE, {"version": version}).rowcount
    connection.execute(DRAW, {"version": version})
    return int(stored)
