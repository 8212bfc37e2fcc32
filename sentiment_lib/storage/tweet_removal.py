"""Removal of old tweets that nobody labelled, by functions of the database's owner; each removal is in the ledger."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from sentiment_lib.storage import ledger
from sentiment_lib.storage.partitions import Partition

#: Kind of the ledger's rows of removals.
KIND = "tweets_removed"
#: Tweets removed by one statement.
BATCH = 50_000


def count_old(connection: Connection, *, is_api: bool, before: datetime) -> tuple[int, int]:
    """How many tweets of the first partition may go (collected before then, not labelled), and how many it holds."""
    row = connection.execute(
        text("SELECT old, stored FROM count_old_tweets(:api, :before)"), {"api": is_api, "before": before}
    ).one()
    return int(row.old), int(row.stored)


def delete_old(connection: Connection, *, is_api: bool, before: datetime) -> int:
    """Delete a batch of such tweets of the first partition, with their predictions; returns their number."""
    query = text("SELECT delete_old_tweets(:api, :before, :most)")
    removed = int(connection.execute(query, {"api": is_api, "before": before, "most": BATCH}).scalar_one())
    _record(connection, removed, is_api, before)
    return removed


def remove_partition(connection: Connection, partition: Partition, before: datetime) -> int:
    """Remove a partition that ends before then; what is labelled or collected later moves into the first one.

    The first partition itself is written anew, without what may go. Everything else waits meanwhile: seconds for
    a million tweets. Returns how many went.
    """
    query = text("SELECT remove_partition(:name, :before)")
    removed = int(connection.execute(query, {"name": partition.name, "before": before}).scalar_one())
    _record(connection, removed, partition.is_api, before)
    return removed


def _record(connection: Connection, removed: int, is_api: bool, before: datetime) -> None:
    if removed:
        what = "api_texts" if is_api else "tweets"
        ledger.append(connection, KIND, {"what": what, "tweets": removed, "collected_before": before})


def last_incomplete_day(connection: Connection) -> date:
    """The newest day of which tweets may have been removed: its figures are final. date.min when none were."""
    entry = ledger.find_genuine(connection, KIND, {"what": "tweets"})
    if entry is None:
        return date.min
    # a tweet's own time may lie a day after that of its collection: clocks differ
    return (datetime.fromisoformat(entry.facts()["collected_before"]) + timedelta(days=1)).date()
