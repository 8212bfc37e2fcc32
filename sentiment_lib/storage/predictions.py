"""Predictions: bulk inserts, the audit sample among them, and look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from sentiment_lib.records import API_IDS_FROM, LABELS
from sentiment_lib.storage.engine import raw

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
# a join instead of RETURNING, so that a batch stored by another run is sampled as well. A tweet that people labelled
# for an earlier champion does not wait for a label again
DRAW = text(
    f"""
    INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability, labelled_at)
    SELECT p.tweet_id, p.model_version, s.share,
           (SELECT min(stored_at) FROM labels l WHERE l.tweet_id = s.tweet_id AND l.source = 'audit')
    FROM scored s
    JOIN predictions p ON p.tweet_id = s.tweet_id AND p.model_version = :version
    WHERE s.share IS NOT NULL AND s.tweet_id < {API_IDS_FROM}
    ON CONFLICT (tweet_id, model_version) DO NOTHING
    """
)


def store(
    connection: Connection,
    version: int,
    tweet_ids: Sequence[int],
    proba: NDArray[np.float64],
    drawn: Sequence[float | None],
) -> int:
    """Store probabilities (n, 3); returns how many are new.

    `drawn`: for each prediction its inclusion probability if it enters the audit sample, else None.
    """
    best = proba.argmax(axis=1)
    # Postgres rejects values like 1e-47 as out of range for a real
    proba = proba.round(7)
    connection.exec_driver_sql(STAGE)
    with raw(connection).cursor().copy("COPY scored FROM STDIN") as copy:
        for tweet_id, row, top, share in zip(tweet_ids, proba.tolist(), best.tolist(), drawn, strict=True):
            copy.write_row((tweet_id, str(LABELS[top]), *row, share))
    stored = connection.execute(STORE, {"version": version}).rowcount
    connection.execute(DRAW, {"version": version})
    return int(stored)


@dataclass(frozen=True, kw_only=True)
class StoredPrediction:
    """One version's prediction for one tweet, with the tweet."""

    tweet_id: int
    version: int
    text: str
    language: str | None
    airline: str | None
    label: str
    at: datetime
    p_negative: float
    p_neutral: float
    p_positive: float
    #: the key that it was made with; None for batch scoring
    api_key_id: int | None = None

    @property
    def probabilities(self) -> dict[str, float]:
        """By label, in the order of LABELS."""
        return {str(label): getattr(self, f"p_{label}") for label in LABELS}


def find(connection: Connection, tweet_id: int, version: int) -> StoredPrediction | None:
    """The prediction of this version for this tweet; None without one."""
    row = (
        connection.execute(
            text(
                "SELECT p.tweet_id, p.model_version AS version, t.text, t.language, t.airline, p.label, "
                "p.predicted_at AS at, p.p_negative, p.p_neutral, p.p_positive, p.api_key_id "
                "FROM predictions p JOIN tweets t ON t.tweet_id = p.tweet_id "
                "WHERE p.tweet_id = :tweet AND p.model_version = :version"
            ),
            {"tweet": tweet_id, "version": version},
        )
        .mappings()
        .one_or_none()
    )
    return StoredPrediction(**row) if row else None


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A tweet to which two versions give different labels."""

    tweet_id: int
    text: str
    champion: str
    candidate: str


DIFFERENT = text(
    f"""
    SELECT t.tweet_id, t.text, new.label AS newest, old.label AS other
    FROM (SELECT tweet_id, label FROM predictions
          WHERE model_version = :newest AND predicted_at >= :since ORDER BY predicted_at DESC LIMIT 2000) new
    JOIN predictions old ON old.tweet_id = new.tweet_id AND old.model_version = :other AND old.label <> new.label
    JOIN tweets t ON t.tweet_id = new.tweet_id AND t.collected_at >= :since AND t.tweet_id < {API_IDS_FROM}
    LIMIT :limit
    """
)


def disagreements(
    connection: Connection, *, champion: int, candidate: int, since: datetime, limit: int = 10
) -> list[Disagreement]:
    """Some tweets since then that the versions label differently, of the newest 2,000 predictions of either.

    Examples, not a sample. They are of the tweets that the shadow comparison counts: the version that does not serve
    scores only a share of them, so the newest predictions of the other may hold none.
    """
    for newest, other in ((candidate, champion), (champion, candidate)):
        rows = connection.execute(DIFFERENT, {"newest": newest, "other": other, "since": since, "limit": limit}).all()
        if rows:
            return [
                Disagreement(
                    tweet_id=row.tweet_id,
                    text=row.text,
                    champion=row.newest if newest == champion else row.other,
                    candidate=row.newest if newest == candidate else row.other,
                )
                for row in rows
            ]
    return []


def newest_disagreements(
    connection: Connection, *, champion: int, candidate: int, limit: int = 10
) -> list[Disagreement]:
    """`disagreements` of any time."""
    since = datetime.min.replace(tzinfo=UTC)
    return disagreements(connection, champion=champion, candidate=candidate, since=since, limit=limit)
