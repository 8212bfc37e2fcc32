"""Divide what waits for a prediction among tasks, by ranges of tweet ids."""

from __future__ import annotations

from dataclasses import dataclass

from sentiment_lib.records import ScoreResult
from sentiment_lib.settings import Settings
from sentiment_lib.steps.scoring import score
from sentiment_lib.storage import scoring_queue
from sentiment_lib.storage.engine import Store

#: Most ranges of one division, below Airflow's limit of mapped tasks.
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What one task has scored, and what it leaves to others."""

    result: ScoreResult
    #: smallest and largest tweet id of each range that others score, at the same time
    ranges: tuple[tuple[int, int], ...]


def begin(store: Store, settings: Settings) -> Begun:
    """Score everything, or, when more than `score.task_rows` tweets wait, the first of several ranges of their ids.

    A tweet is in one range, and leaves the queue with its prediction: a range that is scored twice, or by a task that
    is killed, loses nothing and doubles nothing. Raises as `score.run` does.
    """
    rows = settings.policy.score.task_rows
    with store.begin() as connection:
        waiting = scoring_queue.count(connection)
        ranges = scoring_queue.ranges(connection, rows=max(rows, -(-waiting // MOST))) if waiting > rows else []
    if not ranges:
        return Begun(result=score.run(store, settings), ranges=())
    return Begun(result=score.run(store, settings, ids=ranges[0]), ranges=tuple(ranges[1:]))
