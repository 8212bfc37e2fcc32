"""Requests on their way: through the model in chunks, onto the disk in one piece, then answered.

A quick request that is alone is worked for where it is: to wake a thread takes as long as a linear model does. Others
go through a thread that reads what waits with the model, and syncs the disk once for all of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.families.attribution import Part, explain
from sentiment_lib.records import LABELS
from sentiment_lib.serving.prediction.micro_batching import Together
from sentiment_lib.serving.prediction.model_reloader import Served
from sentiment_lib.serving.prediction.prediction_ids import TweetIds, prediction_key
from sentiment_lib.serving.spool import Line, Spool
from sentiment_lib.steps.scoring.score import checked
from sentiment_lib.text.batch import airlines_of, detect_all

#: Texts that go through the model at once, so that a long request does not keep short ones waiting.
CHUNK = 64
#: Chunks of different requests that go through the model, and onto the disk, at once.
MOST_CHUNKS = 8
#: Seconds that a request may be expected to take where it is.
QUICK = 0.003
#: Share of the newest time in an expected one.
NEWEST = 0.2

_NAMES = [str(label) for label in LABELS]


class Answer(NamedTuple):
    """What the champion says about one text."""

    prediction_id: str
    #: the text as the model saw it and as it is stored: people are masked
    text: str
    label: str
    #: by label, in the order of LABELS
    probabilities: dict[str, float]
    version: int
    family: str
    predicted_at: datetime
    #: parts of the text with what each did for the label; None when it was not asked for
    explanation: tuple[Part, ...] | None = None


Read = tuple[NDArray[np.float64], list[tuple[Part, ...]]]


@dataclass(frozen=True, eq=False)
class Request:
    """Masked texts, the version that answers all of them, and the answers when they are on disk."""

    served: Served
    texts: Sequence[str]
    explain: bool
    answered: Future[list[Answer]] = field(default_factory=Future)
    #: what the model said of each chunk, by its number
    read: dict[int, Read] = field(default_factory=dict)

    def chunks(self) -> int:
        """How many there are."""
        return -(-len(self.texts) // CHUNK)

    def chunk(self, number: int) -> Sequence[str]:
        """The texts of one of them."""
        return self.texts[number * CHUNK : (number + 1) * CHUNK]


class Answering:
    """The model's thread; `recorded` is told of predictions as they become durable."""

    def __init__(self, spool: Spool, recorded: Callable[[list[Line]], None]) -> None:
        self._spool = spool
        self._recorded = recorded
        self._ids = TweetIds()
        self._under_way = 0
        #: expected seconds of a write, and of a text by the version that read last
        self._write_seconds = 0.0
        self._text_seconds: tuple[int, float] = (0, 0.0)
        self._model: Together[tuple[Request, int]] = Together("model", self._read, most=MOST_CHUNKS)

    def start(self) -> None:
        """Begin."""
        self._model.start()

    def stop(self) -> None:
        """Finish what was begun."""
        self._model.stop()

    async def answer(self, request: Request) -> list[Answer]:
        """The answers, one a text, when they are on disk. Cancelled before, nothing of them is kept."""
        self._under_way += 1
        try:
            await asyncio.sleep(0)  # others that came at the same time are counted now
            if self._under_way == 1 and self._quick(request):
                self._read([(request, 0)])
                return request.answered.result()
            for number in range(request.chunks()):
                self._model.submit((request, number))
            return await asyncio.wrap_future(request.answered)
        finally:
            self._under_way -= 1

    def _quick(self, request: Request) -> bool:
        """Whether the event loop can wait for it; not for the first request of a version, whose time is not known."""
        version, seconds = self._text_seconds
        known = version == request.served.version and not request.explain and request.chunks() == 1
        return known and len(request.texts) * seconds + self._write_seconds < QUICK

    def _read(self, batch: Sequence[tuple[Request, int]]) -> None:
        """Put chunks through their models, those of one version in one call; requests that are whole are answered."""
        # a request that was given up is not worked for
        batch = [(request, number) for request, number in batch if not request.answered.done()]
        whole: list[Request] = []
        for served in {request.served.version: request.served for request, _ in batch}.values():
            own = [(request, number) for request, number in batch if request.served.version == served.version]
            began = time.perf_counter()
            try:
                parts = _parts(served, own)
            except Exception as error:
                for request, _ in own:
                    _refuse(request, error)
                continue
            self._learn_pace(served.version, (time.perf_counter() - began) / sum(len(proba) for proba, _ in parts))
            for (request, number), part in zip(own, parts, strict=True):
                request.read[number] = part
                # from here on it cannot be given up
                if len(request.read) == request.chunks() and request.answered.set_running_or_notify_cancel():
                    whole.append(request)
        self._answer(whole)

    def _answer(self, requests: Sequence[Request]) -> None:
        """Put the predictions of these requests onto the disk, then answer them."""
        try:
            now = datetime.now(UTC)
            lines = [self._lines(request, now) for request in requests]
            began = time.perf_counter()
            if requests:
                self._spool.append([line for of_one in lines for line in of_one])
                self._write_seconds += NEWEST * (time.perf_counter() - began - self._write_seconds)
            for request, of_one in zip(requests, lines, strict=True):
                self._recorded(of_one)
                request.answered.set_result(_answers(request, of_one, now))
        except Exception as error:
            for request in requests:
                if not request.answered.done():
                    request.answered.set_exception(error)

    def _learn_pace(self, version: int, seconds: float) -> None:
        known, before = self._text_seconds
        self._text_seconds = version, seconds if known != version else before + NEWEST * (seconds - before)

    def _lines(self, request: Request, now: datetime) -> list[Line]:
        proba = np.concatenate([request.read[number][0] for number in range(request.chunks())])
        at, version, texts = now.isoformat(), request.served.version, request.texts
        return [
            {
                "kind": "prediction",
                "tweet_id": self._ids.next(),
                "version": version,
                "text": text,
                "language": language,
                "airline": airline,
                "label": _NAMES[best],
                "at": at,
                "p_negative": negative,
                "p_neutral": neutral,
                "p_positive": positive,
            }
            for text, (negative, neutral, positive), best, language, airline in zip(
                texts,
                proba.round(7).tolist(),
                proba.argmax(axis=1).tolist(),
                detect_all(texts),
                airlines_of(texts),
                strict=True,
            )
        ]


def _parts(served: Served, batch: Sequence[tuple[Request, int]]) -> list[Read]:
    """What one version says of each of these chunks."""
    chunks = [request.chunk(number) for request, number in batch]
    proba = checked(served.model, [text for chunk in chunks for text in chunk])
    parts: list[Read] = []
    start = 0
    for (request, _), chunk in zip(batch, chunks, strict=True):
        own = proba[start : start + len(chunk)]
        asked = zip(chunk, own, strict=True) if request.explain else ()
        parts.append((own, [explain(served.model, text, row) for text, row in asked]))
        start += len(chunk)
    return parts


def _refuse(request: Request, error: Exception) -> None:
    """Once, whichever of a request's chunks fails first."""
    if not request.answered.done() and request.answered.set_running_or_notify_cancel():
        request.answered.set_exception(error)


def _answers(request: Request, lines: Sequence[Line], at: datetime) -> list[Answer]:
    family, version = request.served.family, request.served.version
    explained: Sequence[tuple[Part, ...]] | Sequence[None] = [None] * len(lines)
    if request.explain:
        explained = [part for number in range(request.chunks()) for part in request.read[number][1]]
    return [
        Answer(
            prediction_key(line["tweet_id"], version),
            line["text"],
            line["label"],
            {"negative": line["p_negative"], "neutral": line["p_neutral"], "positive": line["p_positive"]},
            version,
            family,
            at,
            parts,
        )
        for line, parts in zip(lines, explained, strict=True)
    ]
