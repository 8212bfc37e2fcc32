"""A retry with the same Idempotency-Key gets the first answer, also after a restart, and stores nothing twice."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from sentiment_lib.errors import BadInput
from sentiment_lib.serving import api_keys, app
from sentiment_lib.serving.idempotency import AnswerStore

BODY = {"text": "three hours late"}


def ask(client, body=BODY, key="retry-1", path="/v1/predict", **headers):
    return client.post(path, json=body, headers={"Idempotency-Key": key, **headers})


def test_a_retry_gets_the_same_answer_and_is_stored_once(client, rows):
    first, again = ask(client), ask(client)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert ask(client, key="retry-2").json()["predictions"] != first.json()["predictions"]
    until = time.monotonic() + 20
    while rows("SELECT count(*) > 1 FROM predictions WHERE api_key_id IS NOT NULL") == [(False,)]:
        assert time.monotonic() < until, "the spool does not drain"
        time.sleep(0.05)
    assert rows("SELECT count(*) FROM predictions WHERE api_key_id IS NOT NULL") == [(2,)]


def test_the_same_key_with_another_body_is_a_problem(client):
    ask(client)
    other = ask(client, {"text": "something else"})
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")
    assert "it was used with another request" in other.json()["detail"]


def test_keys_belong_to_the_api_key_and_to_the_path(client, store):
    (made,) = ask(client).json()["predictions"]
    stranger = f"Bearer {api_keys.create(store, 'stranger', ('predict',))}"
    assert ask(client, Authorization=stranger).json()["predictions"][0]["prediction_id"] != made["prediction_id"]
    feedback = {"prediction_id": made["prediction_id"], "label": "neutral"}
    assert ask(client, feedback, path="/v1/feedback").status_code == 422
    first = ask(client, feedback, key="retry-3", path="/v1/feedback")
    assert first.json() == {"prediction_id": made["prediction_id"], "label": "neutral", "given_by": "tests"}
    assert ask(client, feedback, key="retry-3", path="/v1/feedback").headers["idempotency-replayed"] == "true"


def test_an_answer_survives_a_restart(settings, key):
    def restarted():
        with TestClient(app.create(settings), headers={"Authorization": f"Bearer {key}"}) as client:
            return ask(client)

    first, again = restarted(), restarted()
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert (settings.home / "idempotency/answers.jsonl").stat().st_mode & 0o077 == 0


def test_retries_at_the_same_time_are_one_prediction(client):
    with ThreadPoolExecutor(8) as pool:
        answers = {answer.content for answer in pool.map(lambda _: ask(client), range(16))}
    assert len(answers) == 1


def test_what_was_refused_is_not_kept(client):
    buckets = client.app.state.service.rate_limit._buckets
    buckets["tests"] = (-1e7, time.monotonic())
    assert ask(client).status_code == 429
    buckets.clear()
    assert ask(client).status_code == 200


@pytest.mark.parametrize("value", ["", "x" * 201])
def test_a_key_of_no_or_too_many_characters_is_refused(client, value):
    assert ask(client, key=value).status_code == 422


def answers(folder, **limits):
    store = AnswerStore(folder, **({"maximum_bytes": 2000, "lifetime": 3600.0} | limits))
    store.start()
    return store


def run(store, key, request=b"r", body=b"answer"):
    async def work():
        return body

    return asyncio.run(store.run(caller=1, key=key, request=request, work=work))


def test_a_failure_is_not_kept_and_the_waiting_retry_does_the_work_itself(tmp_path):
    store, calls = answers(tmp_path), []

    async def work():
        calls.append(1)
        await asyncio.sleep(0.01)
        if len(calls) == 1:
            raise OSError("no disk")
        return b"answer"

    async def twice():
        one = store.run(caller=1, key="k", request=b"r", work=work)
        return await asyncio.gather(one, store.run(caller=1, key="k", request=b"r", work=work), return_exceptions=True)

    failed, second = asyncio.run(twice())
    assert (type(failed), second, len(calls)) == (OSError, (b"answer", False), 2)


def test_the_store_is_bounded_by_size_and_age(tmp_path):
    store = answers(tmp_path)
    for number in range(5):
        run(store, str(number), body=b"x" * 400)
    assert len(store._answers) == 2
    assert run(store, "4", body=b"y") == (b"x" * 400, True)
    assert run(store, "0", body=b"y") == (b"y", False), "the oldest went first"
    expired = answers(tmp_path, lifetime=0.0)
    assert run(expired, "4", b"another request") == (b"answer", False)


def test_many_small_answers_are_bounded_by_the_memory_that_they_take(tmp_path):
    store = answers(tmp_path, maximum_bytes=50_000)
    for number in range(300):
        run(store, str(number), body=b"1")
    assert len(store._answers) < 100
    assert len(answers(tmp_path, maximum_bytes=50_000)._answers) < 100


def test_a_line_that_was_cut_off_and_what_has_expired_are_left_out(tmp_path):
    run(answers(tmp_path), "kept")
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes() + b'{"key": "cut o')
    again = answers(tmp_path)
    assert run(again, "kept") == (b"answer", True)
    with pytest.raises(BadInput, match="another request"):
        run(again, "kept", b"other")
    assert len(path.read_bytes().splitlines()) == 1
    answers(tmp_path, lifetime=0.0)
    assert path.read_bytes() == b""
