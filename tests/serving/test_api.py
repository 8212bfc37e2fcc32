"""The API as its callers meet it: predictions, feedback, errors, and what is stored in the end."""

from __future__ import annotations

import logging
import time

import pytest
from fastapi.testclient import TestClient

from sentiment_lib.serving import app
from sentiment_lib.serving.server import JsonLines
from sentiment_lib.storage import retention

TEXT = "@united worst flight ever, call me on 212-555-0187, horrible and late"


def wait_for(condition, seconds=10):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.02)


def predict(client, **body):
    answer = client.post("/v1/predict", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_one_text_is_answered_by_the_champion_and_people_in_it_are_masked(client, champion):
    answer = predict(client, text=TEXT)
    assert (answer["model_version"], answer["family"]) == (champion.version, "vader")
    (one,) = answer["predictions"]
    assert one["label"] == "negative"
    assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert "555" not in one["text"]
    assert "<phone>" in one["text"]


def test_a_thousand_texts_are_answered_in_their_order(client):
    texts = [f"flight {number} was {'great' if number % 2 else 'horrible'}" for number in range(1000)]
    answer = predict(client, texts=texts)
    assert [one["text"] for one in answer["predictions"]] == texts
    assert {one["label"] for one in answer["predictions"][::2]} == {"negative"}
    assert len({one["prediction_id"] for one in answer["predictions"]}) == 1000


def test_the_maximum_number_of_texts_is_a_setting(settings, key):
    limits = settings.serving.model_copy(update={"maximum_texts": 1500})
    with TestClient(app.create(settings.model_copy(update={"serving": limits}))) as opened:
        headers = {"X-API-Key": key}
        assert opened.post("/v1/predict", json={"texts": ["late"] * 1500}, headers=headers).status_code == 200
        refused = opened.post("/v1/predict", json={"texts": ["late"] * 1501}, headers=headers)
        assert (refused.status_code, "1,500" in refused.json()["detail"]) == (422, True)
        schema = opened.get("/openapi.json").json()["components"]["schemas"]["PredictBody"]["properties"]["texts"]
        assert [option["maxItems"] for option in schema["anyOf"] if option["type"] == "array"] == [1500]


def test_what_was_answered_is_what_is_stored_once(client, rows):
    answer = predict(client, texts=["lovely crew", "horrible delay"])
    wait_for(lambda: rows("SELECT count(*) FROM predictions") == [(2,)])
    stored = rows(
        "SELECT p.tweet_id || '-' || p.model_version, t.text, p.label, p.p_negative "
        "FROM predictions p JOIN tweets t USING (tweet_id) ORDER BY p.tweet_id"
    )
    given = [
        (one["prediction_id"], one["text"], one["label"], pytest.approx(one["probabilities"]["negative"], abs=1e-6))
        for one in answer["predictions"]
    ]
    assert stored == given


def test_an_explanation_names_the_words_that_carried_the_answer(client):
    (one,) = predict(client, text="a horrible delay at the gate", explain=True)["predictions"]
    best = max(one["explanation"], key=lambda part: part["weight"])
    assert best["text"] == "horrible"
    assert one["text"][best["start"] : best["end"]] == "horrible"


def test_feedback_is_idempotent_and_the_last_answer_of_a_person_stands(client, rows):
    (one,) = predict(client, text="not bad at all")["predictions"]
    body = {"prediction_id": one["prediction_id"], "label": "positive"}
    for _ in range(3):
        assert client.post("/v1/feedback", json=body).json()["label"] == "positive"
    right = {"prediction_id": one["prediction_id"], "right": True}
    assert client.post("/v1/feedback", json=right).json()["label"] == one["label"]
    wait_for(lambda: rows("SELECT label, given_by FROM feedback") == [(one["label"], "tests")])


def test_a_prediction_can_be_read_again_before_and_after_it_is_stored(client, rows):
    (one,) = predict(client, text="thank you so much")["predictions"]
    path = f"/v1/predictions/{one['prediction_id']}"
    first = client.get(path).json()
    wait_for(lambda: rows("SELECT count(*) FROM predictions") == [(1,)])
    client.app.state.service._recent.clear()
    second = client.get(path).json()
    assert first["text"] == second["text"] == "thank you so much"
    assert first["probabilities"] == pytest.approx(second["probabilities"], abs=1e-6)
    assert client.get("/v1/predictions/12-3").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "   "},
        {"text": "a\x00b"},
        {"text": "x" * 10_001},
        {"texts": []},
        {"texts": ["fine", ""]},
        {"texts": ["a"] * 1001},
        {"text": "a", "texts": ["b"]},
        {"text": "a", "language": "en"},
        {"texts": ["a"] * 51, "explain": True},
    ],
)
def test_what_is_no_request_is_refused_as_a_problem_that_does_not_repeat_it(client, body):
    answer = client.post("/v1/predict", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert "xxxx" not in answer.text


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"{" * 100_000, b'{"text": "\\ud800"}', b"[]", b"null", b'{"text": 12}', b'{"text": "a'],
    ids=repr,
)
def test_bytes_that_are_no_request_are_a_callers_mistake(client, content):
    answer = client.post("/v1/predict", content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_over_the_limit_is_refused(client):
    answer = client.post("/v1/predict", content=b'{"text": "' + b"a" * (5 << 20) + b'"}')
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>'; DROP TABLE tweets; --",
        "\u202egnirts desrever\u202c and \u200bzero\u200b width",
        "😡" * 2000,
        "\x01\x02\x1b[31m red",
        "كانت الرحلة سيئة جدا",
        "a" * 10_000,
    ],
    ids=["markup", "bidi", "emoji", "control", "arabic", "long"],
)
def test_hostile_texts_get_an_answer_and_are_stored(client, rows, text):
    (one,) = predict(client, text=text)["predictions"]
    wait_for(lambda: rows("SELECT count(*) FROM predictions") == [(1,)])
    assert rows("SELECT text FROM tweets") == [(one["text"],)]


def test_without_a_key_nothing_is_said_and_a_role_opens_only_what_it_names(client, store):
    from sentiment_lib.serving import api_keys

    nobody = {"Authorization": ""}
    assert client.post("/v1/predict", json={"text": "a"}, headers=nobody).status_code == 401
    assert client.get("/v1/model", headers={"Authorization": "Bearer sk_guess"}).status_code == 401
    only = {"Authorization": f"Bearer {api_keys.create(store, 'reader', ('predict',))}"}
    body = {"prediction_id": "12-3", "right": True}
    assert client.post("/v1/feedback", json=body, headers=only).status_code == 403
    assert client.get("/v1/model", headers={"Authorization": "", "X-API-Key": only["Authorization"][7:]}).is_success


def test_a_key_that_asks_for_too_much_is_told_when_to_come_back(client):
    limit = client.app.state.service.rate_limit
    limit._per_second, limit._burst = 1.0, 2.0
    answers = [client.post("/v1/predict", json={"text": "a"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_the_log_has_a_line_for_each_request_and_no_tweet(client, caplog):
    with caplog.at_level(logging.INFO, "sentiment_lib.serving.requests"):
        client.post("/v1/predict", json={"text": "a secret grievance"}, headers={"X-Request-Id": "my-1"})
        client.post("/v1/predict", json={"text": ["a secret grievance"]})
    told = "\n".join(map(JsonLines().format, caplog.records))
    assert '"request":"my-1"' in told
    assert '"caller":"tests"' in told
    assert "grievance" not in told


def test_metrics_count_requests_and_predictions_by_version(client, champion, store):
    with store.begin() as connection:
        retention.record(connection, {}, {"ledger": 5, "snapshots/": 7})
    predict(client, text="horrible")
    client.get("/v1/predictions/12-3")
    page = client.get("/metrics").text
    assert f'sentiment_predictions_total{{label="negative",version="{champion.version}"}} 1.0' in page
    assert 'sentiment_requests_total{route="/v1/predictions/{prediction_id}",status="404"} 1.0' in page
    assert f"sentiment_champion_version {float(champion.version)}" in page
    for line in ('sentiment_table_bytes{table="ledger"} 5.0', 'sentiment_folder_bytes{folder="snapshots"} 7.0'):
        assert line in page, "the names of `sentiment metrics`"


def test_the_document_of_the_api_has_examples_and_its_errors(client):
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/predict"]["post"]
    assert {"401", "413", "422", "429", "503"} <= set(operation["responses"])
    assert document["components"]["schemas"]["PredictBody"]["examples"]
    assert operation["security"]


def test_each_call_of_the_document_has_a_name_for_readers(client):
    document = client.get("/openapi.json").json()
    named = {
        path: operation["summary"]
        for path, operations in document["paths"].items()
        for operation in operations.values()
    }
    for path, name in named.items():
        assert len(name.split()) > 2, f"{path}: {name} is the name of a function"
    assert named["/healthz"] == "Is the process alive"
