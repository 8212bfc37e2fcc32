"""Costly requests: they are charged what they cost, bounded for each key, and shed before others wait for them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from sentiment_lib.errors import BadInput
from sentiment_lib.serving import api_keys, app, bodies
from sentiment_lib.serving.admission import Admission, cost_of
from sentiment_lib.serving.pages.text_input import parse_csv, parse_lines


def test_a_text_costs_its_length_and_its_explained_words():
    assert cost_of(["late", "a" * 2500], explain=False) == 1 + 3
    assert cost_of(["so late again"], explain=True) == 1 + 3
    assert cost_of(["late " * 500], explain=True) == 3 * (1 + 60)


def test_a_key_has_a_bound_of_work_in_flight_and_others_have_theirs():
    admission = Admission(100, 5, lambda explain: 0.0)
    with admission.admit("one", 80), admission.admit("two", 80):
        with pytest.raises(HTTPException) as refused, admission.admit("one", 30):
            pass
        assert (refused.value.status_code, refused.value.headers["Retry-After"]) == (429, "1")
        with admission.admit("one", 20):
            pass
    with admission.admit("one", 500):  # alone, however large
        pass
    assert not admission._by_key


def test_load_is_shed_before_it_waits_and_explanations_hold_up_no_plain_request():
    admission = Admission(1e9, 2, lambda explain: 0.01 if explain else 0.0)
    with admission.admit("one", 1000, explain=True):
        with pytest.raises(HTTPException) as refused, admission.admit("two", 1, explain=True):
            pass
        assert (refused.value.status_code, refused.value.headers["Retry-After"]) == (503, "10")
        with admission.admit("two", 1):
            pass
    with admission.admit("two", 1, explain=True):
        pass


def test_who_was_told_to_come_back_later_is_refused_until_then_without_a_look_at_the_body(client, monkeypatch):
    limit = client.app.state.service.rate_limit
    limit._per_second, limit._burst = 0.1, 1000.0
    body = {"texts": ["such a very late flight with no help at all " * 50] * 4, "explain": True}  # 732 units
    first = client.post("/v1/predict", json=body)
    refused = client.post("/v1/predict", json=body)
    assert (first.status_code, refused.status_code) == (200, 429)
    limit._per_second, limit._burst = 1e6, 1e6
    with monkeypatch.context() as patched:
        patched.setattr(bodies.JsonRequest, "json", None)  # parsing would fail
        early = client.post("/v1/predict", json=body)
    assert (early.status_code, early.json()["detail"]) == (429, "this key was told to come back later")
    assert 1 <= int(early.headers["Retry-After"]) <= int(refused.headers["Retry-After"])
    assert client.post("/v1/predict", json={"text": "late"}).status_code == 200  # smaller requests are looked at
    refusals = client.app.state.service.refusals
    refusals._refused = {caller: (size, time.monotonic()) for caller, (size, _) in refusals._refused.items()}
    assert client.post("/v1/predict", json={**body, "explain": False}).status_code == 200


def test_an_explanation_is_charged_for_every_word(client):
    limit = client.app.state.service.rate_limit
    limit._per_second, limit._burst = 0.1, 100.0
    body = {"texts": ["the flight was late once more today"] * 10, "explain": True}  # 80 units
    answers = [client.post("/v1/predict", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert 300 <= int(answers[1].headers["Retry-After"]) <= 600


def test_a_large_body_needs_a_key_and_is_paid_for_before_it_is_parsed(client):
    content = b'{"texts": [' + b"1," * 500_000 + b"1]}"
    headers = {"Content-Type": "application/json"}
    started = time.perf_counter()
    unknown = client.post("/v1/predict", content=content, headers={**headers, "Authorization": "Bearer wrong"})
    assert unknown.status_code == 401
    refused = client.post("/v1/predict", content=content, headers=headers)
    assert refused.status_code == 422
    assert len(refused.json()["errors"]) == 1  # one for each of a million items would take minutes
    assert time.perf_counter() - started < 5
    limit = client.app.state.service.rate_limit
    limit._per_second, limit._burst = 1.0, 300.0
    limit._buckets.clear()
    statuses = [client.post("/v1/predict", content=content, headers=headers).status_code for _ in range(3)]
    assert statuses == [422, 429, 429]


def test_many_fields_are_refused_at_once(client):
    body = json.dumps({f"field{number}": 1 for number in range(1000)})
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, "1,000 fields" in answer.json()["detail"]) == (422, True)


def test_rows_beyond_the_limit_are_not_read():
    started = time.process_time()
    for attempt in (
        lambda: parse_csv(b"text\n" + b"a\n" * 2_000_000, 1000),
        lambda: parse_lines("a\n" * 2_000_000, 1000),
    ):
        with pytest.raises(BadInput, match="more than 1,000"):
            attempt()
    assert time.process_time() - started < 1.5


def test_costly_requests_of_one_key_are_refused_before_another_key_waits(settings, store):
    """20 explanations of 50 long texts: some are served or refused at once, and another key's text is answered."""
    serving = settings.serving.model_copy(update={"texts_per_second": 2000, "burst_texts": 10_000})
    keys = [api_keys.create(store, name, ("predict",)) for name in ("costly", "honest")]
    headers = [{"Authorization": f"Bearer {key}"} for key in keys]
    body = {"texts": ["such a very late flight with no help at all from anyone " * 6] * 50, "explain": True}
    with (
        TestClient(app.create(settings.model_copy(update={"serving": serving}))) as client,
        ThreadPoolExecutor(20) as pool,
    ):
        client.post("/v1/predict", json={"text": "late"}, headers=headers[1])
        costly = [pool.submit(client.post, "/v1/predict", json=body, headers=headers[0]) for _ in range(20)]
        slowest = 0.0
        for _ in range(20):
            started = time.perf_counter()
            assert client.post("/v1/predict", json={"text": "late"}, headers=headers[1]).status_code == 200
            slowest = max(slowest, time.perf_counter() - started)
        answers = [future.result() for future in costly]
    assert slowest < 5
    assert {answer.status_code for answer in answers} <= {200, 429, 503}
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) >= 15
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)


def test_a_key_that_is_overdrawn_is_refused_before_its_body_is_parsed(client, monkeypatch):
    limit = client.app.state.service.rate_limit
    limit._per_second, limit._burst = 0.1, 50.0
    body = {"texts": ["such a very late flight with no help at all " * 4] * 50, "explain": True}
    assert client.post("/v1/predict", json=body).status_code == 200
    monkeypatch.setattr(bodies.JsonRequest, "json", None)  # parsing would fail
    assert client.post("/v1/predict", json=body).status_code == 429
