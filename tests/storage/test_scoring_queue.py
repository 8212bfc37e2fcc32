"""Every collected tweet waits in the scoring queue until the champion has scored it; a new champion rescores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from sentiment_lib.records import API_IDS_FROM, AliasMove
from sentiment_lib.steps.scoring.backlog import Backlog
from sentiment_lib.storage import deployments, grants, predictions, scoring_queue
from sentiment_lib.storage.tweets import TweetWriter

DATABASE_ROLE = grants.APP
NEWEST = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def champion(store):
    """Version 1 serves; version 2 may."""
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (1, 'vader', 'd', 'r', 'k'), (2, 'vader', 'd', 's', 'l')",
        ):
            connection.execute(text(statement))
    move(store, 1)


def move(store, version):
    with store.begin() as connection:
        intent = AliasMove(kind="rollback", from_version=None, to_version=version, reason="test")
        deployments.close_move(connection, deployments.begin_move(connection, intent), "done")


def collect(store, *tweets):
    """Store tweets of (id, days before NEWEST), in the order given, as an ingest does."""
    rows = [(number, f"tweet {number}", None, "en", None, NEWEST - age * DAY, False) for number, age in tweets]
    with store.begin() as connection:
        return TweetWriter(1).write(connection, iter([rows]))


def waiting(store):
    with store.begin() as connection:
        return [number for number, _ in scoring_queue.first(connection, after=0, rows=100)]


def score(store, backlog, batches=100):
    """Score up to so many batches; returns the ids of each."""
    done = []
    while len(done) < batches:
        with store.begin() as connection:
            rows = backlog.next_rows(connection)
        if not rows:
            break
        ids = [number for number, _ in rows]
        with store.begin() as connection:
            version = backlog._version
            predictions.store(connection, version, ids, np.array([[1.0, 0, 0]] * len(ids)), [None] * len(ids))
            backlog.finish(connection, ids)
        done.append(ids)
    return done


def backlog(version, *, days=10, rows=2, ids=None):
    return Backlog(version, window=days * DAY if days is not None else None, rows=rows, ids=ids)


def test_every_way_of_storing_tweets_queues_each_once_and_texts_of_the_api_never(store):
    collect(store, (1, 0), (2, 0))  # directly
    collect(store, (2, 0), (3, 0), (1, 0))  # through the staging table
    collect(store, (API_IDS_FROM + 1, 0))
    assert waiting(store) == [1, 2, 3]
    assert score(store, backlog(1)) == [[1, 2], [3]]
    assert waiting(store) == []
    collect(store, (3, 0))
    assert waiting(store) == []


def test_a_new_champion_rescores_the_window_newest_first_and_what_comes_meanwhile_before_that(store):
    collect(store, *((number, 20 - number) for number in range(1, 21)))
    score(store, backlog(1, rows=20))
    move(store, 2)
    first = score(store, backlog(2, days=6), batches=2)
    assert first == [[19, 20], [17, 18]]
    collect(store, (40, -1), (5_000, 15))  # of today, and late
    again = score(store, backlog(2, days=6))
    assert again == [[40, 5000], [15, 16], [14]]
    assert score(store, backlog(2, days=6)) == []
    # a longer window goes on where the shorter one ended
    assert score(store, backlog(2, days=8)) == [[12, 13]]
    assert score(store, backlog(2, days=None, rows=100)) == [list(range(1, 12))]
    with store.begin() as connection:
        query = text("SELECT count(*), count(DISTINCT tweet_id) FROM predictions WHERE model_version = 2")
        assert tuple(connection.execute(query).one()) == (22, 22)


def test_tweets_that_the_earlier_champion_scores_while_another_takes_over_are_scored_by_both(store):
    collect(store, (1, 0), (2, 0), (3, 0))
    old = backlog(1)
    with store.begin() as connection:
        rows = old.next_rows(connection)
    move(store, 2)
    with store.begin() as connection:
        predictions.store(connection, 1, [1, 2], np.array([[1.0, 0, 0]] * 2), [None] * 2)
        old.finish(connection, [number for number, _ in rows])
    assert score(store, old) == [], "it serves no more"
    assert waiting(store) == [1, 2, 3]
    assert [number for batch in score(store, backlog(2)) for number in batch] == [1, 2, 3]


def test_a_move_of_the_champion_waits_for_predictions_that_are_being_stored(store):
    collect(store, (1, 0))
    current = backlog(1)
    with store.begin() as connection:
        current.next_rows(connection)
        predictions.store(connection, 1, [1], np.array([[1.0, 0, 0]]), [None])
        current.finish(connection, [1])
        with store.begin() as other:
            query = "SELECT name FROM step_locks WHERE name = 'champion' FOR UPDATE SKIP LOCKED"
            assert other.exec_driver_sql(query).one_or_none() is None, "it is held"
    with store.begin() as connection:
        assert deployments.last_move(connection).to_version == 1


def test_a_rolled_back_champion_scores_only_what_it_has_not_scored(store):
    collect(store, (1, 3), (2, 2), (3, 1))
    score(store, backlog(1))
    move(store, 2)
    collect(store, (4, 0))
    score(store, backlog(2))
    move(store, 1)
    assert score(store, backlog(1)) == [[4]]
    assert score(store, backlog(1)) == []


def test_ranges_are_scored_beside_each_other_and_none_scores_what_another_does(store):
    collect(store, *((number * 10, 20 - number) for number in range(1, 8)))
    score(store, backlog(1, ids=(10, 20)))
    move(store, 2)
    with store.begin() as connection:
        ranges = scoring_queue.ranges(connection, rows=2)
    assert ranges == [(30, 40), (50, 60), (70, 70)]
    collect(store, (35, 0), (75, 0))
    one, other = (backlog(2, ids=ids) for ids in ranges[:2])
    assert [score(store, part, batches=1) for part in (other, one, other, one)] == [[[50, 60]], [[30, 35]], [], [[40]]]
    assert score(store, backlog(2, ids=ranges[1])) == [], "it is scored, and nothing rescored"
    assert waiting(store) == [70, 75], "a task was killed, and a tweet came"
    rest = [number for batch in score(store, backlog(2, days=None)) for number in batch]
    assert rest == [70, 75, 20, 10], "newest first"
