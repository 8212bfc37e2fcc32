"""A quick request that is alone is answered where it is, all others by the thread; the predictions are the same."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest

from sentiment_lib.serving.prediction.model_reloader import LoadedModel
from sentiment_lib.serving.prediction.pipeline import PredictionPipeline, Request
from sentiment_lib.serving.spool import Spool, SpoolFailed

LATE = ["@united three hours late"]


class Slow:
    """A model that takes a while for each text, and says which thread it ran in."""

    family = "slow"

    def __init__(self, seconds=0.0):
        self.seconds, self.threads, self.read = seconds, [], []

    def predict_proba(self, texts):
        self.threads.append(threading.current_thread().name)
        self.read.extend(texts)
        time.sleep(self.seconds * len(texts))
        return np.tile([0.7, 0.2, 0.1], (len(texts), 1))


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path, lambda batches: None)


@pytest.fixture
def recorded():
    return []


@pytest.fixture
def pipeline(spool, recorded, tmp_path):
    running = PredictionPipeline(spool, recorded.append, tmp_path / "packages")
    running.start()
    yield running
    running.stop()


def request(model, texts=LATE, version=1):
    served = LoadedModel(version=version, family="slow", digest="d", model=model, loaded_at=datetime.now(UTC))
    return Request(served, texts, False)


def in_turn(pipeline, model, times):
    async def ask():
        return [await pipeline.predict(request(model)) for _ in range(times)]

    return asyncio.run(ask())


def test_the_first_of_a_version_is_read_by_the_thread_and_quick_ones_after_it_at_once(pipeline, recorded, monkeypatch):
    monkeypatch.setattr("sentiment_lib.serving.prediction.pipeline.FAST_SECONDS", 10.0)  # under any load
    model = Slow()
    predictions = in_turn(pipeline, model, 3)
    assert model.threads == ["model", "MainThread", "MainThread"]
    assert [(one.label, one.probabilities) for (one,) in predictions] == [
        ("negative", {"negative": 0.7, "neutral": 0.2, "positive": 0.1})
    ] * 3
    assert len({one.prediction_id for (one,) in predictions}) == 3
    assert [line["text"] for lines in recorded for line in lines] == LATE * 3


def test_a_slow_model_never_holds_up_the_event_loop(pipeline):
    model = Slow(0.02)
    in_turn(pipeline, model, 3)
    assert set(model.threads) == {"model"}


def test_requests_at_the_same_time_go_through_the_threads_together(pipeline):
    model = Slow()
    in_turn(pipeline, model, 2)

    async def at_once():
        return await asyncio.gather(*(pipeline.predict(request(model)) for _ in range(6)))

    predictions = asyncio.run(at_once())
    assert len({one.prediction_id for (one,) in predictions}) == 6
    assert set(model.threads[2:]) == {"model"}


def test_a_long_request_is_answered_whole_and_in_order(pipeline):
    texts = [f"text {number}" for number in range(200)]
    predictions = asyncio.run(pipeline.predict(request(Slow(), texts)))
    assert [one.text for one in predictions] == texts


@pytest.mark.parametrize("before", [0, 2], ids=["in the threads", "at once"])
def test_a_disk_that_refuses_refuses_the_request(pipeline, spool, recorded, monkeypatch, before):
    model = Slow()
    in_turn(pipeline, model, before)

    def refuse(lines):
        raise SpoolFailed(problem="it is full")

    monkeypatch.setattr(spool, "append", refuse)
    with pytest.raises(SpoolFailed):
        in_turn(pipeline, model, 1)
    assert len(recorded) == before


def test_what_was_given_up_is_neither_read_nor_kept(pipeline, recorded):
    busy, model = Slow(0.2), Slow()

    async def give_up():
        first = asyncio.ensure_future(pipeline.predict(request(busy)))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(pipeline.predict(request(model)))
        await asyncio.sleep(0.05)
        second.cancel()
        await first

    asyncio.run(give_up())
    with ThreadPoolExecutor(1) as pool:  # the threads have gone on to what waited
        pool.submit(pipeline.stop).result()
    assert model.read == []
    assert len(recorded) == 1
