"""Tweets that a version was trained on, which must not be used to evaluate it (leakage).

A version learned from the training rows of its snapshot and of every version that it was warm-started or distilled
from; tuning, early stopping and calibration use training rows only. Every quality metric of a version excludes them.
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
    """Versions that this one was warm-started or distilled from, directly or not; nearest first.

    Raises NotFound for an unknown version.
    """
    numbers: list[int] = []
    queue = [version]
    while queue:
        fresh = [parent for parent in model_versions.parents(connection, queue.pop(0)) if parent not in numbers]
        numbers += fresh
        queue += fresh
    return tuple(numbers)


def learned_snapshots(connection: Connection, versions: Iterable[int], *, inherited: bool = True) -> list[int]:
    """Ids of the snapshots whose training rows any of the versions learned from; value of :learned in UNSEEN.

    inherited=False leaves out ancestors and teachers, to replay decisions made before they were taken into account.
    Raises NotFound for an unknown version.
    """
    learners = {
        learner for number in versions for learner in (number, *(ancestors(connection, number) if inherited else ()))
    }
    snapshot_ids = {model_versions.by_version(connection, version).snapshot_id for version in learners}
    return sorted(snapshot_id for snapshot_id in snapshot_ids if snapshot_id is not None)


def learned_synthetic(connection: Connection, version: int) -> bool:
    """Whether the version learned from tweets of the sample generator. Raises NotFound for an unknown version."""
    numbers = learned_snapshots(connection, (version,))
    return any(snapshots.synthetic_rows(connection, number).train for number in numbers)


def learned_tweet_ids(connection: Connection, versions: Iterable[int], *, inherited: bool = True) -> frozenset[int]:
    """Ids of the tweets that any of the versions learned from. Raises NotFound for an unknown version."""
    numbers = learned_snapshots(connection, versions, inherited=inherited)
    return frozenset().union(*(snapshots.training_tweet_ids(connection, number) for number in numbers))
