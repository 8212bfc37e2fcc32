"""Predict and take feedback: what the API's routes and pages do, without HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import orjson

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import LABELS
from sentiment_lib.serving import lookup, spool_sink
from sentiment_lib.serving.api_keys import KeyRing, RateLimit
from sentiment_lib.serving.metrics import Metrics
from sentiment_lib.serving.prediction.model_reloader import Champion
from sentiment_lib.serving.prediction.pipeline import Answer, Answering, Request
from sentiment_lib.serving.prediction.prediction_ids import parse_prediction_key
from sentiment_lib.serving.spool import Line, Spool
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store
from sentiment_lib.text.batch import mask_all

#: Texts that one request may have explained: each costs a model call for every word.
MOST_EXPLAINED = 50
#: Predictions that feedback finds before they are in the database.
REMEMBERED = 50_000


class Service:
    """One process's champion, spool and keys."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        limits = settings.serving
        self.champion = Champion(store, settings)
        sink = partial(spool_sink.store_batches, store)
        self.spool = Spool(settings.home / "spool", sink, limit_bytes=limits.spool_bytes)
        self.keys = KeyRing(store)
        self.rate = RateLimit(limits.texts_per_second, limits.burst_texts)
        self.metrics = Metrics()
        self._answering = Answering(self.spool, self._recorded)
        #: lines as JSON, by tweet: the garbage collector does not look into bytes, and would stop all requests for it
        self._recent: OrderedDict[int, bytes] = OrderedDict()
        self._recent_lock = threading.Lock()

    def start(self) -> None:
        """Load the champion, drain what an earlier process left, begin."""
        for folder in ("cache", "spool"):
            (self.settings.home / folder).mkdir(parents=True, exist_ok=True)
        for part in (self.champion, self.spool, self._answering):
            part.start()

    def stop(self) -> None:
        """Finish what was begun."""
        for part in (self._answering, self.champion, self.spool):
            part.stop()

    async def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Answer]:
        """One answer a text, all by the same version; returned when they are on disk.

        Texts have passed `bad_text`. NotFound before the first champion, SpoolFull with the database long away.
        """
        if explain and len(texts) > MOST_EXPLAINED:
            raise BadInput(what="explain", problem=f"at most {MOST_EXPLAINED} texts at once can be explained")
        served = self.champion.served()
        most = self.settings.serving.maximum_characters
        masked = [text.strip()[:most] for text in mask_all(texts)]
        return await self._answering.answer(Request(served, masked, explain))

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
        await asyncio.to_thread(self.spool.append, [line])
        self.metrics.feedback.labels(str(kept == found["label"]).lower()).inc()
        return kept

    async def prediction(self, prediction_id: str) -> Line:
        """A prediction as it was recorded, from memory or from the database; NotFound when there is none."""
        key = parse_prediction_key(prediction_id)
        if key is None:
            raise NotFound(what="prediction", key=prediction_id[:60])
        if (kept := self._recent.get(key[0])) is not None and (line := orjson.loads(kept))["version"] == key[1]:
            return dict(line)
        return await asyncio.to_thread(lookup.prediction, self.store, *key)

    def measure(self) -> None:
        """Bring the states among the metrics up to date."""
        try:
            self.metrics.champion.set(self.champion.served().version)
        except NotFound:
            self.metrics.champion.set(0)
        self.metrics.champion_look.set(self.champion.seconds_since_look())
        self.metrics.spool.set(self.spool.held_bytes())

    def _recorded(self, lines: Sequence[Line]) -> None:
        """Feedback finds these, all of one version, before the database has them."""
        version = lines[0]["version"]
        with self._recent_lock:
            self._recent.update({line["tweet_id"]: orjson.dumps(line) for line in lines})
            while len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)
        for label, count in Counter([line["label"] for line in lines]).items():
            self.metrics.predictions.labels(version, label).inc(count)
