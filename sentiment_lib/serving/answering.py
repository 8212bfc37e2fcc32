"""Requests on their way: through the model in chunks, onto the disk in one piece, then answered.

A quick request that is alone is worked for where it is: to wake threads takes longer than a linear model does. Others
go through two threads in a row: one reads texts with the model, one makes predictions durable meanwhile.
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

from sentiment_lib.families.explanation import Part, explain
from sentiment_lib.records import LABELS
from sentiment_lib.serving.batching import Together
from sentiment_lib.serving.champion import Served
from sentiment_lib.serving.identity import TweetIds, prediction_key
from sentiment_lib.serving.spool import Line, Spool
from sentiment_lib.steps.score import checked
from sentiment_lib.text.together import airlines_of, detect_all

#: Texts that go through the model at once, so that a long request does not keep short ones waiting.
CHUNK = 64
#: Chunks of different requests that go through the model at once; requests that are written at once.
MOST_CHUNKS, MOST_WRITTEN = 8, 256
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
Explained = Sequence[tuple[Part, ...]] | Sequence[None]


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


@dataclass(frozen=True, eq=False)
class Written:
    """Lines that are on disk when `kept` is done."""

    lines: list[Line]
    kept: Future[None] = field(default_factory=Future)


class Answering:
    """The model's thread and the disk's; `recorded` is told of predictions as they become durable."""

    def __init__(self, spool: Spool, recorded: Callable[[list[Line]], None]) -> None:
        self._spool = spool
        self._recorded = recorded
        self._ids = TweetIds()
        self._under_way = 0
        #: expected seconds of a write, and of a text by the version that read last
        self._write_seconds = 0.0
        self._text_seconds: tuple[int, float] = (0, 0.0)
        self._model: Together[tuple[Request, int]] = Together("model", self._read, most=MOST_CHUNKS)
        self._disk: Together[Written] = Together("disk", self._write, most=MOST_WRITTEN)

    def start(self) -> None:
        """Begin."""
        self._model.start()
        self._disk.start()

    def stop(self) -> None:
        """Finish what was begun."""
        self._model.stop()
        self._disk.stop()

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

    def keep(self, lines: list[Line]) -> Future[None]:
        """Done when the lines are on disk."""
        written = Written(lines)
        self._disk.submit(written)
        return written.kept

    def _quick(self, request: Request) -> bool:
        """Whether the event loop can wait for it; not for the first request of a version, whose time is not known."""
        version, seconds = self._text_seconds
        known = version == request.served.version and not request.explain and request.chunks() == 1
        return known and len(request.texts) * seconds + self._write_seconds < QUICK

    def _read(self, batch: Sequence[tuple[Request, int]]) -> None:
        """Put chunks through their models, those of one version in one call; requests that are whole go on."""
        # a request that was given up is not worked for
        batch = [(request, number) for request, number in batch if not request.answered.done()]
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
                    try:
                        self._record(request)
                    except Exception as error:
                        request.answered.set_exception(error)

    def _record(self, request: Request) -> None:
        """Answer the request when its predictions are on disk."""
        now = datetime.now(UTC)
        read = [request.read[number] for number in range(request.chunks())]
        lines = self._lines(request, np.concatenate([proba for proba, _ in read]), now)
        explained: Explained = [part for _, parts in read for part in parts] if request.explain else [None] * len(lines)
        answers = [
            _answer(line, request.served.family, now, parts) for line, parts in zip(lines, explained, strict=True)
        ]

        def on_disk(kept: Future[None]) -> None:
            if error := kept.exception():
                request.answered.set_exception(error)
                return
            self._recorded(lines)
            request.answered.set_result(answers)

        written = Written(lines)
        written.kept.add_done_callback(on_disk)
        if self._model.waiting():
            self._disk.submit(written)  # the next chunks are read meanwhile
        else:
            self._write([written])

    def _learn_pace(self, version: int, seconds: float) -> None:
        known, before = self._text_seconds
        self._text_seconds = version, seconds if known != version else before + NEWEST * (seconds - before)

    def _lines(self, request: Request, proba: NDArray[np.float64], now: datetime) -> list[Line]:
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

    def _write(self, batch: Sequence[Written]) -> None:
        """Append for all that wait at once, then tell each."""
        # what was given up by now is not kept; from here on it cannot be given up
        batch = [written for written in batch if written.kept.set_running_or_notify_cancel()]
        began = time.perf_counter()
        try:
            self._spool.append([line for written in batch for line in written.lines])
        except Exception as error:
            for written in batch:
                written.kept.set_exception(error)
            return
        finally:
            self._write_seconds += NEWEST * (time.perf_counter() - began - self._write_seconds)
        for written in batch:
            written.kept.set_result(None)


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


def _answer(line: Line, family: str, at: datetime, parts: tuple[Part, ...] | None) -> Answer:
    probabilities = {"negative": line["p_negative"], "neutral": line["p_neutral"], "positive": line["p_positive"]}
    return Answer(
        prediction_key(line["tweet_id"], line["version"]),
        line["text"],
        line["label"],
        probabilities,
        line["version"],
        family,
        at,
        parts,
    )
