"""Remove tweets that are past their retention: whole partitions, and late ones of the first."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.exc import OperationalError

from sentiment_lib.retention_policy import RetentionPolicy
from sentiment_lib.storage import partitions, tweet_removal
from sentiment_lib.storage.engine import Store
from sentiment_lib.tweet_ids import first_api_id, first_id

log = logging.getLogger(__name__)
#: Share of the first partition from which it is written anew instead of deleting from it.
REWRITTEN = 0.2
#: What Postgres says when a lock was not had in time.
LOCK_NOT_AVAILABLE = "55P03"


def run(store: Store, policy: RetentionPolicy, now: datetime) -> dict[str, int]:
    """Remove by `tweets` and `api_texts` of the policy; returns how many went by rule.

    Each part is a transaction of its own. When somebody reads for too long, the rest is left for the next run.
    """
    removed = {"tweets": 0, "api_texts": 0}
    for rule, is_api, kept_for in (("tweets", False, policy.tweets), ("api_texts", True, policy.api_texts)):
        if kept_for is None:
            continue
        try:
            for count in _remove(store, now - kept_for, is_api=is_api):
                removed[rule] += count
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            log.warning("tweets are in use; the next run removes the rest")
    return removed


def _remove(store: Store, before: datetime, *, is_api: bool) -> Iterator[int]:
    """Numbers of tweets that went, one for each transaction."""
    with store.begin() as connection:
        first, *others = [part for part in partitions.stored(connection) if part.is_api is is_api]
    while True:
        with store.begin() as connection:
            old, stored = tweet_removal.count_old(connection, is_api=is_api, before=before)
        if not old:
            break
        with store.begin() as connection:
            if old > REWRITTEN * stored:
                removed = tweet_removal.remove_partition(connection, first, before)
            else:
                removed = tweet_removal.delete_old(connection, is_api=is_api, before=before)
        yield removed
    oldest_kept = (first_api_id if is_api else first_id)(before)
    for partition in others:
        if partition.upper_id <= oldest_kept:
            with store.begin() as connection:
                removed = tweet_removal.remove_partition(connection, partition, before)
            yield removed
