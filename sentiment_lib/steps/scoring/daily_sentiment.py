"""Add up the champion's predictions and the errors of audit labels by day and airline, for the overview."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sentiment_lib.storage import daily_sentiment
from sentiment_lib.storage.engine import Store, lock

#: Days recomputed by one statement.
CHUNK = 30


def run(store: Store, version: int, *, auditors: Sequence[str]) -> list[date]:
    """Recompute the days with new predictions of this version or new labels by people; returns them.

    auditors: people whose audit labels act alone (`label.auditors` of the policy).

    One transaction, so that a killed run leaves every day stale.
    """
    with store.begin() as connection:
        lock(connection, "sentiment_days")
        stale = daily_sentiment.stale_days(connection, version)
        for first, last in _spans(stale):
            daily_sentiment.refresh(connection, version, first, last, auditors=auditors)
    return stale


def _spans(days: list[date]) -> list[tuple[date, date]]:
    """Runs of consecutive days, at most CHUNK days each."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and day - spans[-1][1] == timedelta(days=1) and day - spans[-1][0] < timedelta(days=CHUNK):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans
