"""Explanations come from a process of their own, which has no secrets, gives way to others, and is replaced."""

from __future__ import annotations

import os
import signal
import time

import orjson
import pytest

from sentiment_lib.serving.prediction.explanation_worker import NICENESS, explain
from sentiment_lib.serving.prediction.explanations import ExplanationProcess, ExplanationsUnavailable

TEXTS = ["a horrible delay at the gate", "<b>lovely</b>\u202e crew 😡", "\x01\x02", "كانت الرحلة سيئة"]


@pytest.fixture(scope="module")
def process(packaged):
    running = ExplanationProcess(packaged.cache)
    yield running
    running.stop()


def test_it_says_what_the_model_says_and_begins_again_when_it_was_killed(process, packaged, monkeypatch):
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", "postgresql://sentiment_api:a-password@nowhere/")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "another password")
    version = packaged.versions[0]
    first, *expected = explain(version.model, TEXTS)
    probabilities, explanations = process.explain(version.digest, TEXTS)
    assert probabilities.tolist() == orjson.loads(first)["probabilities"]
    assert [one.json for one in explanations] == expected
    best = max(explanations[0].parts(), key=lambda part: part.weight)
    assert TEXTS[0][best.start : best.end] == "horrible"
    worker = process._process.pid
    assert os.getpriority(os.PRIO_PROCESS, worker) == NICENESS
    with open(f"/proc/{worker}/environ", "rb") as environment:
        assert b"password" not in environment.read()

    os.kill(worker, signal.SIGKILL)
    assert process.explain(version.digest, TEXTS)[1] == explanations
    assert process._process.pid != worker


def test_a_package_that_cannot_be_loaded_is_said_and_the_next_request_is_answered(process, packaged):
    version = packaged.versions[0]
    with pytest.raises(ExplanationsUnavailable, match="0000"):
        process.explain("0" * 64, TEXTS[:1])
    assert process.explain(version.digest, TEXTS[:1])[1]


def test_without_the_process_the_request_is_told_to_come_back_and_others_are_answered(client, monkeypatch):
    monkeypatch.setattr("sentiment_lib.serving.prediction.explanations.WORKER", "sentiment_lib.no_such_module")
    refused = client.post("/v1/predict", json={"text": "late", "explain": True})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "the process that computes it has ended" in refused.json()["detail"]
    assert client.post("/v1/predict", json={"text": "late"}).status_code == 200


def test_a_process_that_hangs_is_replaced(process, packaged, monkeypatch):
    version = packaged.versions[0]
    process.explain(version.digest, TEXTS[:1])
    os.kill(process._process.pid, signal.SIGSTOP)
    monkeypatch.setattr("sentiment_lib.serving.prediction.explanations.ANSWER_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(ExplanationsUnavailable, match="no answer within"):
        process.explain(version.digest, TEXTS[:1])
    assert time.monotonic() - started < 10
    assert process._process is None


def test_it_ends_with_the_server(process, packaged):
    process.explain(packaged.versions[0].digest, TEXTS[:1])
    process._process.stdin.close()  # as the system does for a server that was killed
    assert process._process.wait(timeout=20) == 0
