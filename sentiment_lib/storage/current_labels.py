"""The current label of each tweet for training, and the one for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, text

from sentiment_lib.evaluation.holdout_split import JUDGING
from sentiment_lib.evaluation.holdout_split import LABELLED as OF_TWEETS
from sentiment_lib.storage.acting_labels import ACTS, EVALUATING_FIRST, MAY_EVALUATE, NEWEST_FIRST
from sentiment_lib.storage.tweet_lookup import tweet_of

#: A labelled tweet, with the label for evaluation.
COLUMNS = (*OF_TWEETS, *JUDGING, "synthetic")
# Acting audit labels and data-set labels may be used for evaluation: their tweets were not selected by content.
# Imported labels, corrections and labels from active learning have selection bias and are for training only, unless an
# import declared that its tweets were sampled at random.
# A label that the queue asked for because a model was unsure, or two disagreed, is "picked" (selection bias)
# the first source in the order of precedence wins; within a source the newest label; ties go to the most confident,
# then to the last stored
_LABELLED = f"""
    SELECT t.tweet_id, t.created_at, t.text, t.airline, t.language, l.label,
           CASE WHEN l.source = 'person'
                     AND EXISTS (SELECT FROM label_picks k WHERE k.tweet_id = l.tweet_id AND k.kind <> 'second')
                THEN 'picked'
                WHEN l.source = 'audit' AND NOT {ACTS} THEN 'unconfirmed' ELSE l.source END AS label_source,
           j.label AS judging_label, j.source AS judging_source, j.inclusion_probability AS inclusion, t.synthetic
    FROM (
        SELECT DISTINCT ON (tweet_id) tweet_id, label, source, labelled_by, labelled_at, confidence, label_id
        FROM labels l WHERE {{named}}
        ORDER BY tweet_id, array_position(CAST(:precedence AS text[]), source) NULLS LAST, {NEWEST_FIRST}
    ) l JOIN {{tweets}} t USING (tweet_id)
    LEFT JOIN (
        SELECT DISTINCT ON (tweet_id) tweet_id, label, inclusion_probability,
               CASE source WHEN 'person' THEN 'declared' ELSE source END AS source
        FROM labels l
        WHERE {{named}} AND {MAY_EVALUATE}
        ORDER BY tweet_id, {EVALUATING_FIRST}
    ) j USING (tweet_id)
    WHERE (CAST(:until AS timestamptz) IS NULL OR t.created_at < CAST(:until AS timestamptz))
      AND (NOT t.synthetic OR NOT :real)
    ORDER BY t.created_at, t.tweet_id
"""
LABELLED = text(_LABELLED.format(named="true", tweets="tweets"))
LABELLED_OF = text(_LABELLED.format(named="tweet_id = ANY(:ids)", tweets=tweet_of("l")))
# feedback is biased and never enters a holdout, so it does not end the use of synthetic tweets
REAL_LABELS = text(
    """
    SELECT EXISTS (
        SELECT FROM labels l WHERE l.source <> 'feedback' AND NOT
            (SELECT t.synthetic FROM tweets t WHERE t.tweet_id = l.tweet_id)
    )
    """
)


def labelled(
    connection: Connection, precedence: Sequence[str], until: datetime | None = None, *, auditors: Sequence[str] = ()
) -> pd.DataFrame:
    """Each labelled tweet once, with its current label, oldest first; columns COLUMNS.

    Synthetic tweets are left out as soon as a real tweet has a label: they must not train or evaluate real models.
    """
    where = {"precedence": list(precedence), "auditors": list(auditors), "real": has_real_labels(connection)}
    rows = connection.execute(LABELLED, where | {"until": until}).all()
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["created_at"] = pd.to_datetime(frame["created_at"], utc=True)
    return frame


def labelled_of(
    connection: Connection, tweet_ids: Sequence[int], precedence: Sequence[str], *, auditors: Sequence[str], real: bool
) -> Sequence[Row[Any]]:
    """The same of these tweets, as rows; `real`: whether a real tweet has a label."""
    where = {"precedence": list(precedence), "auditors": list(auditors), "real": real}
    return connection.execute(LABELLED_OF, where | {"until": None, "ids": list(tweet_ids)}).all()


def has_real_labels(connection: Connection) -> bool:
    """Whether a tweet that is not synthetic has a label other than feedback."""
    return bool(connection.scalar(REAL_LABELS))
