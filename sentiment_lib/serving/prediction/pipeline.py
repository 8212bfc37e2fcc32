"""The prediction pipeline: texts go through the model in chunks, predictions to disk in one batch, then to the caller.

A fast request runs on the event loop when no other is in progress: waking a thread takes as long as a linear model
does. Others go through a thread that predicts all waiting requests together, with one sync of the disk. Explanations
are computed by a process of their own, and no other request waits for them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentiment_lib import clock
from sentiment_lib.families.base import check_probabilities
from sentiment_lib.records import LABELS
from sentiment_lib.serving.admission import cost_of
from sentiment_lib.serving.prediction.explanations import Explanation, ExplanationProcess
from sentiment_lib.serving.prediction.micro_batching import MicroBatcher
from sentiment_lib.serving.prediction.model_reloader import LoadedModel
from sentiment_lib.serving.prediction.prediction_ids import TweetIds, format_prediction_id
from sentiment_lib.serving.spool import Line, Spool
from sentiment_lib.text.batch import airlines_of, detect_all

#: Texts of a request per call of the model, so that a long request does not hold up short ones.
CHUNK = 64
#: The same for explained texts, each of which costs a prediction for every word.
EXPLAINED_CHUNK = 8
#: Chunks of different requests per batch.
MAX_CHUNKS = 8
#: Expected seconds below which a request runs on the event loop.
FAST_SECONDS = 0.003
#: Weight of the newest measurement in the moving averages of durations.
SMOOTHING = 0.2

_NAMES = [str(label) for label in LABELS]


class Prediction(NamedTuple):
    """The champion's prediction for one text."""

    prediction_id: str
    #: the text as the model saw it and as it is stored: people are masked
    text: str
    label: str
    #: by label, in the order of LABELS
    probabilities: dict[str, float]
    version: int
    family: str
    predicted_at: datetime
    #: None when not requested
    explanation: Explanation | None = None


class ChunkOutput(NamedTuple):
    """What the model returned for one chunk of n texts."""

    #: shape (n, 3), columns in the order of LABELS
    probabilities: NDArray[np.float64]
    #: one per text; empty when not requested
    explanations: Sequence[Explanation] = ()


@dataclass(frozen=True, eq=False)
class Request:
    """Masked texts, the version that predicts all of them, and the predictions once they are on disk."""

    loaded: LoadedModel
    texts: Sequence[str]
    explain: bool
    #: of the caller; stored with the predictions
    api_key_id: int | None = None
    result: Future[list[Prediction]] = field(default_factory=Future)
    #: by the number of the chunk
    outputs: dict[int, ChunkOutput] = field(default_factory=dict)

    @property
    def chunk_size(self) -> int:
        """Texts of a chunk."""
        return EXPLAINED_CHUNK if self.explain else CHUNK

    def chunk_count(self) -> int:
        """Number of chunks."""
        return -(-len(self.texts) // self.chunk_size)

    def chunk(self, number: int) -> Sequence[str]:
        """The texts of one chunk."""
        return self.texts[number * self.chunk_size : (number + 1) * self.chunk_size]

    def complete(self) -> bool:
        """True when the model has returned every chunk."""
        return len(self.outputs) == self.chunk_count()

    def fail(self, error: Exception) -> None:
        """Raise this error to the caller, unless another chunk failed before."""
        if not self.result.done() and self.result.set_running_or_notify_cancel():
            self.result.set_exception(error)

    def probabilities(self) -> NDArray[np.float64]:
        """Shape (texts, 3); for a complete request."""
        return np.concatenate([self.outputs[number].probabilities for number in range(self.chunk_count())])

    def explanations(self) -> Iterable[Explanation | None]:
        """One per text; for a complete request."""
        if not self.explain:
            return [None] * len(self.texts)
        return [one for number in range(self.chunk_count()) for one in self.outputs[number].explanations]


ChunkBatch = Sequence[tuple[Request, int]]


class PredictionPipeline:
    """Predicts and records. `on_recorded` is called with each request's lines once they are durable.

    `packages` is the folder that holds the served versions' packages by digest.
    """

    def __init__(self, spool: Spool, on_recorded: Callable[[list[Line]], None], packages: Path) -> None:
        self._spool = spool
        self._on_recorded = on_recorded
        self._ids = TweetIds()
        #: plain requests in progress
        self._in_flight = 0
        #: moving averages in seconds: of a write, and per text of the version that predicted last
        self._write_seconds = 0.0
        self._text_seconds: tuple[int, float] = (0, 0.0)
        #: moving averages in seconds of one unit of cost: of plain requests (False) and of explained ones (True)
        self._unit_seconds = {False: 0.0, True: 0.0}
        self._batcher: MicroBatcher[tuple[Request, int]] = MicroBatcher("model", self._process, max_batch=MAX_CHUNKS)
        self._explanations = ExplanationProcess(packages)
        self._explainer: MicroBatcher[tuple[Request, int]] = MicroBatcher("explainer", self._process, max_batch=1)

    def start(self) -> None:
        """Start the threads."""
        self._batcher.start()
        self._explainer.start()

    def stop(self) -> None:
        """Finish what was submitted."""
        self._batcher.stop()
        self._explainer.stop()
        self._explanations.stop()

    def unit_seconds(self, *, explain: bool) -> float:
        """Moving average in seconds of one unit of cost."""
        return self._unit_seconds[explain]

    async def predict(self, request: Request) -> list[Prediction]:
        """One prediction per text, once they are on disk. A request cancelled before that leaves nothing behind.

        Raises what the model raises, SpoolFull and SpoolFailed.
        """
        plain = not request.explain
        self._in_flight += plain
        try:
            await asyncio.sleep(0)  # let requests that came at the same time be counted
            if self._in_flight == 1 and self._is_fast(request):
                self._process([(request, 0)])
                return request.result.result()
            batcher = self._explainer if request.explain else self._batcher
            for number in range(request.chunk_count()):
                batcher.submit((request, number))
            return await asyncio.wrap_future(request.result)
        finally:
            self._in_flight -= plain

    def _is_fast(self, request: Request) -> bool:
        """Whether the event loop can wait for it; never for a version's first request, whose duration is unknown."""
        version, seconds = self._text_seconds
        measured = version == request.loaded.version and not request.explain and request.chunk_count() == 1
        return measured and len(request.texts) * seconds + self._write_seconds < FAST_SECONDS

    def _process(self, batch: ChunkBatch) -> None:
        """Predict chunks, those of one version in one call, and record the requests that are complete."""
        batch = [(request, number) for request, number in batch if not request.result.done()]  # drop cancelled ones
        complete: list[Request] = []
        for loaded in {request.loaded.version: request.loaded for request, _ in batch}.values():
            chunk_batch = [(request, number) for request, number in batch if request.loaded.version == loaded.version]
            started = time.perf_counter()
            try:
                outputs = self._predict(loaded, chunk_batch)
            except Exception as error:
                for request, _ in chunk_batch:
                    request.fail(error)
                continue
            self._measure(loaded.version, chunk_batch, time.perf_counter() - started)
            for (request, number), output in zip(chunk_batch, outputs, strict=True):
                request.outputs[number] = output
                # from here on it can no longer be cancelled
                if request.complete() and request.result.set_running_or_notify_cancel():
                    complete.append(request)
        self._record(complete)

    def _predict(self, loaded: LoadedModel, chunk_batch: ChunkBatch) -> list[ChunkOutput]:
        """Outputs of one version for these chunks, from one call of the model, or of the process that explains."""
        chunks = [request.chunk(number) for request, number in chunk_batch]
        texts = [text for chunk in chunks for text in chunk]
        if chunk_batch[0][0].explain:
            return [ChunkOutput(*self._explanations.explain(loaded.digest, texts))]  # one chunk: see MicroBatcher
        probabilities = check_probabilities(loaded.model, texts)
        return [ChunkOutput(rows) for rows in np.split(probabilities, np.cumsum([len(chunk) for chunk in chunks])[:-1])]

    def _record(self, requests: Sequence[Request]) -> None:
        """Write the predictions of these requests to the spool in one batch, then hand them to their callers."""
        try:
            now = clock.now()
            batches = [self._lines(request, now) for request in requests]
            started = time.perf_counter()
            if requests:
                self._spool.append([line for lines in batches for line in lines])
                self._write_seconds += SMOOTHING * (time.perf_counter() - started - self._write_seconds)
            for request, lines in zip(requests, batches, strict=True):
                self._on_recorded(lines)
                request.result.set_result(_predictions(request, lines, now))
        except Exception as error:
            for request in requests:
                if not request.result.done():
                    request.result.set_exception(error)

    def _measure(self, version: int, chunk_batch: ChunkBatch, seconds: float) -> None:
        """Update the moving averages with the duration of one call of the model."""
        explain = chunk_batch[0][0].explain  # of all: each kind has a thread
        texts = [text for request, number in chunk_batch for text in request.chunk(number)]
        per_unit = seconds / cost_of(texts, explain=explain)
        self._unit_seconds[explain] += SMOOTHING * (per_unit - self._unit_seconds[explain])
        if explain:
            return
        per_text = seconds / len(texts)
        measured_version, average = self._text_seconds
        if version == measured_version:
            per_text = average + SMOOTHING * (per_text - average)
        self._text_seconds = version, per_text

    def _lines(self, request: Request, now: datetime) -> list[Line]:
        """The spool's lines of a complete request."""
        probabilities = request.probabilities()
        at, version, texts = now.isoformat(), request.loaded.version, request.texts
        return [
            {
                "kind": "prediction",
                "api_key_id": request.api_key_id,
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
                probabilities.round(7).tolist(),
                probabilities.argmax(axis=1).tolist(),
                detect_all(texts),
                airlines_of(texts),
                strict=True,
            )
        ]


def _predictions(request: Request, lines: Sequence[Line], predicted_at: datetime) -> list[Prediction]:
    family, version = request.loaded.family, request.loaded.version
    return [
        Prediction(
            format_prediction_id(line["tweet_id"], version),
            line["text"],
            line["label"],
            {"negative": line["p_negative"], "neutral": line["p_neutral"], "positive": line["p_positive"]},
            version,
            family,
            predicted_at,
            parts,
        )
        for line, parts in zip(lines, request.explanations(), strict=True)
    ]
