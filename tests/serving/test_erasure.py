"""A privacy desk asks the API to forget, by a role of its own, and sees how far it is."""

from __future__ import annotations

import pytest

from sentiment_lib.serving import api_keys
from sentiment_lib.steps.erasure import forget
from sentiment_lib.storage import tombstones


@pytest.fixture
def desk(store):
    """Header of a key of the privacy desk."""
    return {"Authorization": f"Bearer {api_keys.create(store, 'desk', ('privacy',))}"}


def test_a_desk_asks_and_the_tweets_are_refused_until_they_are_erased(client, store, settings, desk):
    asked = client.post("/v1/erasure", json={"tweet_ids": ["1200000000000000000"]}, headers=desk)
    assert asked.status_code == 202
    body = asked.json()
    assert (body["state"], body["named"], body["erased_at"]) == ("received", 1, None)
    with store.begin() as connection:
        assert tombstones.find(connection, [1_200_000_000_000_000_000]).tweets
    url = f"/v1/erasure/{body['request_id']}"
    assert client.get(url, headers=desk).json() == body
    forget.run(store, settings, models=False)
    assert client.get(url, headers=desk).json()["state"] == "done", "no model learned from it"
    assert client.get("/v1/erasure/99", headers=desk).status_code == 404


def test_an_author_is_named_and_does_not_come_back_in_the_answer(client, desk):
    body = client.post("/v1/erasure", json={"author": "@somebody"}, headers=desk).text
    assert "somebody" not in body


def test_only_the_role_of_the_desk_may_ask(client, desk):
    """client: of a key that may predict, label and give feedback."""
    assert client.post("/v1/erasure", json={"tweet_ids": ["5"]}).status_code == 403
    assert client.get("/v1/erasure/1").status_code == 403
    assert client.post("/v1/predict", json={"text": "late"}, headers=desk).status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"tweet_ids": ["5"], "author": "x"}, {"tweet_ids": ["five"]}, {"tweet_ids": []}, {"author": ""}]
)
def test_a_request_that_names_nothing_or_two_things_is_refused(client, desk, body):
    assert client.post("/v1/erasure", json=body, headers=desk).status_code == 422
