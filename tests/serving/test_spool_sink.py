"""Texts from the API become tweets with predictions, feedback and labels, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.serving import spool_sink
from sentiment_lib.serving.spool import encode_batch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def version(store):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (7, 'vader', 'd', 'r', 'k')"
            )
        )
    return 7


def prediction(tweet_id, version, label="negative"):
    return {
        "kind": "prediction",
        "tweet_id": tweet_id,
        "version": version,
        "text": "@united late again",
        "language": "en",
        "airline": "United",
        "label": label,
        "at": NOW.isoformat(),
        "p_negative": 0.8,
        "p_neutral": 0.15,
        "p_positive": 0.05,
    }


def feedback(tweet_id, version, label, minutes=0, by="key one"):
    at = (NOW + timedelta(minutes=minutes)).isoformat()
    return {"kind": "feedback", "tweet_id": tweet_id, "version": version, "label": label, "given_by": by, "at": at}


def rows(store, query):
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_the_same_lines_twice_are_stored_once_and_counted(store, version):
    lines = [
        prediction(API_IDS_FROM + 1, version),
        prediction(API_IDS_FROM + 2, version),
        feedback(API_IDS_FROM + 1, version, "neutral"),
    ]
    spool_sink.store_batches(store, [encode_batch(lines)])
    spool_sink.store_batches(store, [encode_batch(lines)])
    assert rows(store, "SELECT count(*) FROM tweets") == [(2,)]
    assert rows(store, "SELECT count(*) FROM predictions") == [(2,)]
    assert rows(store, "SELECT label, given_by FROM feedback") == [("neutral", "key one")]
    assert rows(store, "SELECT label, source, labelled_by FROM labels") == [("neutral", "feedback", "key one")]
    assert rows(store, "SELECT received, stored, duplicate FROM ingests ORDER BY 1, 2 DESC") == [(4, 2, 2)]


def test_the_last_answer_of_a_person_stands_whatever_order_it_arrives_in(store, version):
    first = [prediction(API_IDS_FROM + 1, version), feedback(API_IDS_FROM + 1, version, "positive", minutes=5)]
    spool_sink.store_batches(store, [encode_batch(first)])
    spool_sink.store_batches(store, [encode_batch([feedback(API_IDS_FROM + 1, version, "neutral", minutes=1)])])
    assert rows(store, "SELECT label FROM feedback") == [("positive",)]


def test_a_person_who_returns_to_an_earlier_label_is_taken_at_the_last_one(store, version):
    for minutes, label in ((1, "positive"), (2, "neutral"), (3, "positive"), (2, "neutral")):
        lines = [prediction(API_IDS_FROM + 1, version), feedback(API_IDS_FROM + 1, version, label, minutes=minutes)]
        spool_sink.store_batches(store, [encode_batch(lines)])
    newest_first = "SELECT label FROM labels ORDER BY labelled_at DESC"
    assert rows(store, newest_first) == [("positive",), ("neutral",)]


def test_one_label_of_a_person_for_two_versions_of_a_tweet_is_stored_once(store, version):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "VALUES (8, 'vader', 'd', 'r8', 'k8')"
            )
        )
    lines = [prediction(API_IDS_FROM + 1, 7), prediction(API_IDS_FROM + 1, 8)]
    lines += [feedback(API_IDS_FROM + 1, 7, "neutral", minutes=1), feedback(API_IDS_FROM + 1, 8, "neutral", minutes=2)]
    spool_sink.store_batches(store, [encode_batch(lines)])
    assert rows(store, "SELECT count(*) FROM feedback") == [(2,)]
    assert rows(store, "SELECT label, labelled_at FROM labels") == [("neutral", NOW + timedelta(minutes=2))]
