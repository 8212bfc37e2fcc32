"""A person's answer to a prediction becomes feedback, and a label whose source is feedback."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store

KEEP = text(
    """
    INSERT INTO feedback (prediction_id, label, given_by, given_at) VALUES (:prediction, :label, :by, :at)
    ON CONFLICT (prediction_id, given_by) DO UPDATE SET label = EXCLUDED.label, given_at = EXCLUDED.given_at
    WHERE feedback.given_at <= EXCLUDED.given_at
    RETURNING feedback_id
    """
)
# labels stand side by side: a changed mind is a second label, and the newer one counts
TEACH = text(
    """
    INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at)
    VALUES (:tweet, :label, 'feedback', :by, :at)
    ON CONFLICT (tweet_id, source, labelled_by, label) DO UPDATE SET labelled_at = EXCLUDED.labelled_at
    WHERE labels.labelled_at < EXCLUDED.labelled_at
    """
)


def run(
    store: Store, settings: Settings, *, prediction_id: int, label: str, given_by: str, at: datetime | None = None
) -> int | None:
    """Id of the feedback; None when the same person gave a newer one already. Raises BadInput, NotFound."""
    if label not in LABELS:
        raise BadInput(what="label", problem=f"'{label}' is none of {', '.join(LABELS)}")
    moment = at or datetime.now(UTC)
    with store.begin() as connection:
        tweet = connection.execute(
            text("SELECT tweet_id FROM predictions WHERE prediction_id = :prediction"), {"prediction": prediction_id}
        ).scalar()
        if tweet is None:
            raise NotFound(what="prediction", key=prediction_id)
        values = {"prediction": prediction_id, "tweet": tweet, "label": label, "by": given_by, "at": moment}
        feedback_id: int | None = connection.execute(KEEP, values).scalar()
        if feedback_id is not None:
            connection.execute(TEACH, values)
        return feedback_id
