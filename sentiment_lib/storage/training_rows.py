"""Which tweets a version learned from, and so which labelled tweets are fair to judge it by.

A version learned from the training rows of its snapshot and of every version that it was warm-started or distilled
from; tuning, early stopping and calibration use training rows only. Every figure of a version's quality asks here.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from sentiment_lib.storage import model_versions, snapshots

#: SQL condition on the tweet `t`: the versions whose `learned_snapshots` are bound as :learned did not learn from it.
UNSEEN = (
    "NOT EXISTS (SELECT FROM snapshot_rows seen WHERE seen.tweet_id = t.tweet_id AND seen.part = 'train' "
    "AND seen.snapshot_id = ANY(:learned))"
)


def ancestors(connection: Connection, version: int) -> tuple[int, ...]:
    """Versions that this one was warm-started or distilled from, directly or not; nearest first. Raises NotFound."""
    found: list[int] = []
    queue = [version]
    while queue:
        fresh = [parent for parent in model_versions.parents(connection, queue.pop(0)) if parent not in found]
        found += fresh
        queue += fresh
    return tuple(found)


def learned_snapshots(connection: Connection, versions: Iterable[int], *, inherited: bool = True) -> list[int]:
    """Ids of the snapshots whose training rows any of the versions learned from; value of :learned in UNSEEN.

    inherited=False leaves out what ancestors and teachers learned from, to replay decisions made before they counted.
    Raises NotFound.
    """
    learners = {one for number in versions for one in (number, *(ancestors(connection, number) if inherited else ()))}
    found = {model_versions.by_version(connection, learner).snapshot_id for learner in learners}
    return sorted(snapshot_id for snapshot_id in found if snapshot_id is not None)


def learned_tweet_ids(connection: Connection, versions: Iterable[int], *, inherited: bool = True) -> frozenset[int]:
    """Ids of the tweets that any of the versions learned from. Raises NotFound."""
    numbers = learned_snapshots(connection, versions, inherited=inherited)
    return frozenset().union(*(snapshots.training_tweet_ids(connection, number) for number in numbers))
