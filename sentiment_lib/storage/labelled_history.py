"""Labelled tweets between two dates, with the time at which each got its first label: the history of a replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, text

from sentiment_lib.records import LABEL_CODES
from sentiment_lib.storage import current_labels

FIRST_LABELS = text("SELECT tweet_id, min(stored_at) AS known_at FROM labels GROUP BY tweet_id")


def read(
    connection: Connection,
    precedence: Sequence[str],
    *,
    since: datetime | None,
    until: datetime | None,
    auditors: Sequence[str] = (),
) -> pd.DataFrame:
    """Columns tweet_id, text, created_at, label (code), airline, language and known_at, oldest first.

    The label is the current one; `known_at` is when the platform stored the tweet's first label.
    """
    frame = current_labels.labelled(connection, precedence, until, auditors=auditors)
    if since is not None:
        frame = frame[frame["created_at"] >= since]
    known = pd.DataFrame(connection.execute(FIRST_LABELS).all(), columns=["tweet_id", "known_at"])
    frame = frame.merge(known, on="tweet_id", how="left")
    return frame.assign(label=frame["label"].map(LABEL_CODES))
