"""Predict and take feedback: what the API's routes and pages do, without HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.families.explanation import Part, explain
from sentiment_lib.records import LABELS
from sentiment_lib.serving import lookup, recording
from sentiment_lib.serving.batching import Together
from sentiment_lib.serving.champion import Champion, Served
from sentiment_lib.serving.identity import TweetIds, parse_prediction_key, prediction_key
from sentiment_lib.serving.keys import KeyRing, RateLimit
from sentiment_lib.serving.metrics import Metrics
from sentiment_lib.serving.spool import Line, Spool
from sentiment_lib.settings import Settings
from sentiment_lib.steps.score import checked
from sentiment_lib.storage.engine import Store
from sentiment_lib.text.airlines import airline_of
from sentiment_lib.text.language import detect
from sentiment_lib.text.privacy import mask

#: Texts that go through the model at once, so that a long request does not keep short ones waiting.
CHUNK = 64
#: Texts that one request may have explained: each costs a model call for every word.
MOST_EXPLAINED = 50
#: Predictions that feedback finds before they are in the database.
REMEMBERED = 50_000


@dataclass(frozen=True, kw_only=True)
class Answer:
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


@dataclass(frozen=True)
class _Reading:
    served: Served
    texts: Sequence[str]
    explain: bool


Read = tuple[NDArray[np.float64], list[tuple[Part, ...]]]


class Service:
    """One process's champion, spool and keys."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        limits = settings.serving
        self.champion = Champion(store, settings)
        self.spool = Spool(
            settings.home / "spool", lambda lines: recording.store_lines(store, lines), limit_bytes=limits.spool_bytes
        )
        self.keys = KeyRing(store)
        self.rate = RateLimit(limits.texts_per_second, limits.burst_texts)
        self.metrics = Metrics()
        self._ids = TweetIds()
        self._model: Together[_Reading, Read] = Together("model", _read, most=8)
        self._disk: Together[list[Line], None] = Together("disk", self._append, most=256)
        self._recent: OrderedDict[tuple[int, int], Line] = OrderedDict()
        self._recent_lock = threading.Lock()

    def start(self) -> None:
        """Load the champion, drain what an earlier process left, begin."""
        for folder in ("cache", "spool"):
            (self.settings.home / folder).mkdir(parents=True, exist_ok=True)
        for part in (self.champion, self.spool, self._model, self._disk):
            part.start()

    def stop(self) -> None:
        """Finish what was begun."""
        for part in (self._model, self._disk, self.champion, self.spool):
            part.stop()

    async def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Answer]:
        """One answer a text, all by the same version; returned when they are on disk.

        Texts have passed `bad_text`. NotFound before the first champion, SpoolFull with the database long away.
        """
        if explain and len(texts) > MOST_EXPLAINED:
            raise BadInput(what="explain", problem=f"at most {MOST_EXPLAINED} texts at once can be explained")
        served = self.champion.served()
        masked = [mask(text).strip()[: self.settings.serving.maximum_characters] for text in texts]
        chunks = [masked[start : start + CHUNK] for start in range(0, len(masked), CHUNK)]
        read = await asyncio.gather(*(self._model.ask(_Reading(served, chunk, explain)) for chunk in chunks))
        proba = np.concatenate([part for part, _ in read])
        now = datetime.now(UTC)
        lines = [
            self._line(text, row, best, served.version, now)
            for text, row, best in zip(masked, proba.round(7).tolist(), proba.argmax(axis=1).tolist(), strict=True)
        ]
        await self._disk.ask(lines)
        self._remember(lines)
        explained = [parts for _, each in read for parts in each] if explain else [None] * len(lines)
        for label, count in Counter(line["label"] for line in lines).items():
            self.metrics.predictions.labels(served.version, label).inc(count)
        return [_answer(line, served.family, now, parts) for line, parts in zip(lines, explained, strict=True)]

    async def give_feedback(self, prediction_id: str, *, label: str | None, by: str) -> str:
        """Keep a person's answer (None: it was right) and return the label that it stands for.

        The same answer twice is kept once, and a later one replaces an earlier one of the same person.
        """
        if label is not None and label not in LABELS:
            raise BadInput(what="label", problem=f"'{label[:40]}' is none of {', '.join(LABELS)}")
        found = await self.prediction(prediction_id)
        kept = label or str(found["label"])
        line = {
            "kind": "feedback",
            "tweet_id": found["tweet_id"],
            "version": found["version"],
            "label": kept,
            "given_by": by,
            "at": datetime.now(UTC).isoformat(),
        }
        await self._disk.ask([line])
        self.metrics.feedback.labels(str(kept == found["label"]).lower()).inc()
        return kept

    async def prediction(self, prediction_id: str) -> Line:
        """A prediction as it was recorded, from memory or from the database; NotFound when there is none."""
        key = parse_prediction_key(prediction_id)
        if key is None:
            raise NotFound(what="prediction", key=prediction_id[:60])
        if (line := self._recent.get(key)) is not None:
            return line
        return await asyncio.to_thread(lookup.prediction, self.store, *key)

    def measure(self) -> None:
        """Bring the states among the metrics up to date."""
        try:
            self.metrics.champion.set(self.champion.served().version)
        except NotFound:
            self.metrics.champion.set(0)
        self.metrics.champion_look.set(self.champion.seconds_since_look())
        self.metrics.spool.set(self.spool.held_bytes())

    def _append(self, batch: Sequence[list[Line]]) -> list[None]:
        self.spool.append([line for lines in batch for line in lines])
        return [None] * len(batch)

    def _line(self, text: str, row: list[float], best: int, version: int, now: datetime) -> Line:
        return {
            "kind": "prediction",
            "tweet_id": self._ids.next(),
            "version": version,
            "text": text,
            "language": detect(text),
            "airline": airline_of(text),
            "label": str(LABELS[best]),
            "at": now.isoformat(),
            **{f"p_{label}": value for label, value in zip(LABELS, row, strict=True)},
        }

    def _remember(self, lines: Sequence[Line]) -> None:
        with self._recent_lock:
            for line in lines:
                self._recent[line["tweet_id"], line["version"]] = line
            while len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)


def _read(batch: Sequence[_Reading]) -> list[Read | Exception]:
    """Probabilities of each reading; those of one version go through its model in one call."""
    answers: list[Read | Exception | None] = [None] * len(batch)
    for served in {reading.served.version: reading.served for reading in batch}.values():
        places = [place for place, reading in enumerate(batch) if reading.served.version == served.version]
        try:
            proba = checked(served.model, [text for place in places for text in batch[place].texts])
            start = 0
            for place in places:
                end = start + len(batch[place].texts)
                own = proba[start:end]
                asked = zip(batch[place].texts, own, strict=True) if batch[place].explain else ()
                answers[place] = (own, [explain(served.model, text, row) for text, row in asked])
                start = end
        except Exception as error:
            for place in places:
                answers[place] = error
    return [answer for answer in answers if answer is not None]


def _answer(line: Line, family: str, at: datetime, parts: tuple[Part, ...] | None) -> Answer:
    return Answer(
        prediction_id=prediction_key(line["tweet_id"], line["version"]),
        text=line["text"],
        label=line["label"],
        probabilities={str(label): line[f"p_{label}"] for label in LABELS},
        version=line["version"],
        family=family,
        predicted_at=at,
        explanation=parts,
    )
