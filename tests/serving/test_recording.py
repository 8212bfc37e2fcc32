"""Texts from the API become tweets with predictions, feedback and labels, each once; keys open only what they may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.serving import api_keys, spool_sink
from sentiment_lib.serving.prediction.prediction_ids import FLOOR, TweetIds, parse_prediction_key, prediction_key
from sentiment_lib.serving.spool import written

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


def answer(tweet_id, version, label, minutes=0, by="key one"):
    at = (NOW + timedelta(minutes=minutes)).isoformat()
    return {"kind": "feedback", "tweet_id": tweet_id, "version": version, "label": label, "given_by": by, "at": at}


def rows(store, query):
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_the_same_lines_twice_are_stored_once_and_counted(store, version):
    lines = [prediction(FLOOR + 1, version), prediction(FLOOR + 2, version), answer(FLOOR + 1, version, "neutral")]
    spool_sink.store_batches(store, [written(lines)])
    spool_sink.store_batches(store, [written(lines)])
    assert rows(store, "SELECT count(*) FROM tweets") == [(2,)]
    assert rows(store, "SELECT count(*) FROM predictions") == [(2,)]
    assert rows(store, "SELECT label, given_by FROM feedback") == [("neutral", "key one")]
    assert rows(store, "SELECT label, source, labelled_by FROM labels") == [("neutral", "feedback", "key one")]
    assert rows(store, "SELECT received, stored, duplicate FROM ingests ORDER BY 1, 2 DESC") == [(2, 2, 0), (2, 0, 2)]


def test_the_last_answer_of_a_person_stands_whatever_order_it_arrives_in(store, version):
    first = [prediction(FLOOR + 1, version), answer(FLOOR + 1, version, "positive", minutes=5)]
    spool_sink.store_batches(store, [written(first)])
    spool_sink.store_batches(store, [written([answer(FLOOR + 1, version, "neutral", minutes=1)])])
    assert rows(store, "SELECT label FROM feedback") == [("positive",)]


def test_a_person_who_returns_to_an_earlier_label_is_taken_at_the_last_one(store, version):
    for minutes, label in ((1, "positive"), (2, "neutral"), (3, "positive"), (2, "neutral")):
        lines = [prediction(FLOOR + 1, version), answer(FLOOR + 1, version, label, minutes=minutes)]
        spool_sink.store_batches(store, [written(lines)])
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
    lines = [prediction(FLOOR + 1, 7), prediction(FLOOR + 1, 8)]
    lines += [answer(FLOOR + 1, 7, "neutral", minutes=1), answer(FLOOR + 1, 8, "neutral", minutes=2)]
    spool_sink.store_batches(store, [written(lines)])
    assert rows(store, "SELECT count(*) FROM feedback") == [(2,)]
    assert rows(store, "SELECT label, labelled_at FROM labels") == [("neutral", NOW + timedelta(minutes=2))]


def test_ids_do_not_repeat_and_lie_above_those_of_x():
    ids = TweetIds()
    made = [ids.next() for _ in range(5000)]
    assert len(set(made)) == len(made)
    assert all(FLOOR < one < 2**63 for one in made)


@pytest.mark.parametrize("key", ["", "1", "a-1", "1-", "-1", "1-b", "9" * 20 + "-1", "٣-1", f"{2**63}-1"])
def test_what_is_no_prediction_key_is_none(key):
    assert parse_prediction_key(key) is None


def test_a_prediction_key_is_read_as_it_was_made():
    assert parse_prediction_key(prediction_key(FLOOR + 5, 3)) == (FLOOR + 5, 3)


def test_a_key_opens_its_roles_until_it_is_revoked(store, monkeypatch):
    monkeypatch.setattr(api_keys, "BELIEVED_SECONDS", 0.0)
    key = api_keys.create(store, "desk", ("predict",))
    ring = api_keys.KeyRing(store)
    caller = ring.caller(key)
    assert caller.name == "desk"
    assert caller.may("predict")
    assert not caller.may("feedback")
    assert ring.caller(key + "x") is None
    assert key not in str(rows(store, "SELECT * FROM api_keys"))
    api_keys.revoke(store, "desk")
    assert ring.caller(key) is None
    with pytest.raises(NotFound):
        api_keys.revoke(store, "desk")


def test_a_key_without_a_known_role_or_with_a_name_in_use_is_refused(store):
    api_keys.create(store, "desk", ("admin",))
    with pytest.raises(BadInput, match="in use"):
        api_keys.create(store, "desk", ("predict",))
    with pytest.raises(BadInput, match="root"):
        api_keys.create(store, "other", ("root",))
    with pytest.raises(BadInput, match="without a role"):
        api_keys.create(store, "other", ())


def test_a_caller_that_is_too_fast_is_told_how_long_to_wait():
    limit = api_keys.RateLimit(per_second=10, burst=3)
    assert [limit.wait_needed("one") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert 0 < limit.wait_needed("one") <= 0.1
    assert limit.wait_needed("two") == 0.0
