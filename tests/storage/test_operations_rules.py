"""Rules over feedback and the platform's own running fire when they should, and clear themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from sentiment_lib.policy import AlertPolicy, Policy
from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.serving import spool_sink
from sentiment_lib.serving.spool import encode_batch
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import check_alerts
from sentiment_lib.storage import predictions, scoring_queue
from tests.conftest import deploy

NOW = datetime.now(UTC)


def fill(store, tweets=10, collected=None):
    """Tweets of two airlines, each predicted negative by version 1."""
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ingests (source, received, stored, quarantined, started_at, finished_at) "
                "VALUES ('test', 100, 70, 30, :at, :at)"
            ),
            {"at": collected or NOW},
        )
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (1, 'vader', 'd', 'r', 'k'), (2, 'vader', 'd', 's', 'l')"
            )
        )
        deploy(connection, 1)
        for number in range(1, tweets + 1):
            values = {"id": number, "airline": ("United", "Delta")[number % 2], "at": collected or NOW}
            connection.execute(
                text(
                    "INSERT INTO tweets (tweet_id, text, airline, created_at, collected_at, ingest_id) "
                    "VALUES (:id, 'late again', :airline, :at, :at, 1)"
                ),
                values,
            )
            connection.execute(
                text(
                    "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                    "VALUES (:id, 1, 'negative', 1, 0, 0)"
                ),
                values,
            )


def correct(store, tweet_id, seconds_ago, label="positive"):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO feedback (tweet_id, model_version, label, given_by, given_at) "
                "VALUES (:id, 1, :label, 'anna', :at)"
            ),
            {"id": tweet_id, "label": label, "at": NOW - timedelta(seconds=seconds_ago)},
        )


def open_keys(store):
    with store.begin() as connection:
        return set(connection.execute(text("SELECT dedup_key FROM alerts WHERE resolved_at IS NULL")).scalars())


def bursts(store):
    return {key for key in open_keys(store) if key.startswith("wrong_predictions/")}


def test_the_third_wrong_prediction_in_five_minutes_opens_an_alert(store):
    fill(store)
    correct(store, 1, 200)
    correct(store, 2, 100)
    check_alerts.run(store, Settings(), at=NOW)
    assert bursts(store) == set()
    correct(store, 4, 10)
    check_alerts.run(store, Settings(), at=NOW)
    assert bursts(store) == {"wrong_predictions/all airlines"}


def test_three_wrong_of_one_airline_name_it_and_the_tweets(store):
    fill(store)
    for number, ago in ((2, 200), (4, 100), (6, 10)):
        correct(store, number, ago)
    check_alerts.run(store, Settings(), at=NOW)
    assert bursts(store) == {"wrong_predictions/all airlines", "wrong_predictions/United"}
    with store.begin() as connection:
        body = connection.execute(text("SELECT body FROM alerts WHERE dedup_key LIKE '%United'")).scalar_one()
    assert "tweet 6 (version 1 said negative, it is positive): late again" in body


def test_right_answers_and_slow_ones_are_no_burst(store):
    fill(store)
    for number, ago in ((1, 590), (2, 300), (3, 10)):
        correct(store, number, ago)
    correct(store, 4, 5, label="negative")
    check_alerts.run(store, Settings(), at=NOW)
    assert bursts(store) == set()


def test_a_burst_that_is_over_is_resolved(store):
    fill(store)
    for number in (1, 2, 3):
        correct(store, number, 10)
    check_alerts.run(store, Settings(), at=NOW)
    assert bursts(store)
    check_alerts.run(store, Settings(), at=NOW + timedelta(minutes=20))
    assert bursts(store) == set()


def test_silence_and_quarantine_are_noticed(store):
    fill(store, collected=NOW - timedelta(hours=5))
    check_alerts.run(store, Settings(), at=NOW)
    assert {"no_tweets", "quarantine_share"} <= open_keys(store)


def store_through_api(store, rows=60):
    lines = [
        {
            "kind": "prediction",
            "tweet_id": API_IDS_FROM + number,
            "version": 1,
            "text": "late again",
            "language": "en",
            "airline": "United",
            "label": "negative",
            "at": NOW.isoformat(),
            "p_negative": 1,
            "p_neutral": 0,
            "p_positive": 0,
        }
        for number in range(rows)
    ]
    spool_sink.store_batches(store, [encode_batch(lines)])


def test_texts_of_the_api_hide_neither_silence_nor_quarantine(store):
    fill(store, collected=NOW - timedelta(hours=5))
    store_through_api(store, rows=1000)
    check_alerts.run(store, Settings(), at=NOW)
    assert {"no_tweets", "quarantine_share"} <= open_keys(store)


def test_a_burst_of_wrong_answers_of_the_api_opens_an_alert(store):
    fill(store)
    store_through_api(store)
    with store.begin() as connection:
        answered = connection.execute(text("SELECT tweet_id FROM predictions WHERE tweet_id >= 8e18")).scalars()
        chosen = list(answered)[:3]
    for one in chosen:
        correct(store, one, 10)
    check_alerts.run(store, Settings(), at=NOW)
    assert bursts(store) == {"wrong_predictions/all airlines", "wrong_predictions/United"}


@pytest.mark.parametrize(("by", "waiting"), [(None, True), (2, True), (1, False)])
def test_only_predictions_of_a_version_that_has_served_end_the_scoring_backlog(store, by, waiting):
    fill(store, tweets=8, collected=NOW - timedelta(hours=1))
    with store.begin() as connection:
        connection.execute(text("DELETE FROM predictions"))
        if by:
            tweets = [tweet_id for tweet_id, _ in scoring_queue.first(connection, after=0, rows=100)]
            predictions.store(connection, by, tweets, np.array([[1.0, 0, 0]] * 8), [None] * 8)
            scoring_queue.remove(connection, tweets, by)
    store_through_api(store)
    check_alerts.run(store, Settings(policy=Policy(alerts=AlertPolicy(scoring_backlog=5))), at=NOW)
    assert ("scoring_backlog" in open_keys(store)) == waiting
