"""With every event of Airflow lost, each stage's work is done by its deadline, once, and an alert says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.steps.operations import catch_up, start_dag
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage import grants, model_versions, overdue_work, retrain_requests, scoring_queue

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


@pytest.fixture
def airflow(monkeypatch, store, settings):
    """An Airflow that runs the DAG `retrain` as far as its claim; the list of the runs that were started."""
    runs = []

    def start(_, dag_id, *, run_id, note):
        assert (dag_id, bool(note)) == ("retrain", True)
        runs.append(run_id)
        request_retrain.claim_requests(store, settings, run_id=f"retrain/{run_id}")

    monkeypatch.setattr(start_dag, "run", start)
    return runs


def overdue(store, settings, at):
    with store.begin() as connection:
        return [one.stage for one in overdue_work.find(connection, settings.policy.deadlines, at)]


def open_alerts(store):
    with store.begin() as connection:
        query = text("SELECT dedup_key FROM alerts WHERE resolved_at IS NULL AND kind = 'missed_work' ORDER BY 1")
        return list(connection.execute(query).scalars())


def test_without_any_event_every_stage_is_done_by_its_deadline(
    store, owner, settings, decided, add_tweets, say, airflow
):
    now = datetime.now(UTC)
    with owner.begin() as connection:  # the tests of a session share a world, which may be older than a deadline
        connection.execute(text("UPDATE tweets_to_score SET collected_at = :now"), {"now": now})
    add_tweets(100)
    say(decided.question)
    with store.begin() as connection:
        retrain_requests.insert_request(connection, rule="labels", reason="a test")
    assert overdue(store, settings, now + timedelta(minutes=25)) == []

    first = catch_up.run(store, settings, at=now + timedelta(minutes=35))
    assert [one.stage for one in first.overdue] == ["score", "promote"]
    assert first.overdue[0].count == 700, "tweets of before the first champion waited as well"
    assert open_alerts(store) == ["missed_work/promote", "missed_work/score"]
    with store.begin() as connection:
        assert model_versions.champion(connection).version == decided.version.version
        assert scoring_queue.count(connection) == 0

    second = catch_up.run(store, settings, at=now + timedelta(minutes=65))
    assert ([one.stage for one in second.overdue], airflow) == (["retrain"], ["catch-up-1"])
    assert open_alerts(store) == ["missed_work/retrain"], "what was done is resolved"

    # nothing of the new champion is scored until the hourly run, or a tweet that waits
    add_tweets(10)
    late = now + timedelta(hours=4)
    assert [one.stage for one in catch_up.run(store, settings, at=late).overdue] == ["score", "check_drift"]
    done = catch_up.run(store, settings, at=late)
    assert (done.overdue, done.failed, open_alerts(store)) == ((), {}, [])
    assert overdue(store, settings, late) == []


def test_a_stage_that_cannot_be_done_does_not_stop_the_others_and_its_alert_says_why(
    store, settings, decided, add_tweets
):
    with store.begin() as connection:
        retrain_requests.insert_request(connection, rule="labels", reason="a test")
    add_tweets(10)
    at = datetime.now(UTC) + timedelta(hours=1, minutes=5)
    found = catch_up.run(store, settings, at=at)
    assert [one.stage for one in found.overdue] == ["score", "retrain"]
    assert "no account in Airflow" in found.failed["retrain"]
    with store.begin() as connection:
        body = connection.scalar(text("SELECT body FROM alerts WHERE dedup_key = 'missed_work/retrain'"))
    assert "no account in Airflow" in body
    assert overdue(store, settings, at) == ["retrain"]


def test_what_another_process_is_scoring_is_left_to_it(store, settings, decided, add_tweets):
    add_tweets(10)
    at = datetime.now(UTC) + timedelta(minutes=35)
    with store.in_use("score"):
        assert catch_up.run(store, settings, at=at).overdue == ()
    assert [one.stage for one in catch_up.run(store, settings, at=at).overdue] == ["score"]
