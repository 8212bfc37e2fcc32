"""The service behind the API's routes and pages: predictions and feedback, without HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

import orjson
from sqlalchemy.exc import OperationalError

from sentiment_lib import clock
from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import API_IDS_FROM, LABELS
from sentiment_lib.serving import spool_sink
from sentiment_lib.serving.admission import Admission
from sentiment_lib.serving.api_keys import Caller, KeyRing
from sentiment_lib.serving.connections import Connections
from sentiment_lib.serving.forgotten import ForgottenTweets
from sentiment_lib.serving.idempotency import AnswerStore
from sentiment_lib.serving.metrics import Metrics
from sentiment_lib.serving.prediction.model_reloader import ModelReloader
from sentiment_lib.serving.prediction.pipeline import Prediction, PredictionPipeline, Request
from sentiment_lib.serving.prediction.prediction_ids import format_prediction_id, parse_prediction_id
from sentiment_lib.serving.rate_limit import RateLimit, Refusals
from sentiment_lib.serving.spool import Line, Spool
from sentiment_lib.settings import Settings
from sentiment_lib.storage import predictions, retention
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.predictions import StoredPrediction
from sentiment_lib.text.batch import mask_all
from sentiment_lib.text.limits import LONGEST_TEXT

#: Texts of one request that can be explained: each costs a prediction for every word.
MAX_EXPLAINED = 50
#: Characters of a request above which masking leaves the event loop.
LONG_CHARACTERS = 20_000
#: Predictions kept in memory, for feedback that arrives before the database has them.
MAX_RECENT = 50_000


class Service:
    """Champion, spool, keys and metrics of one process."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        limits = settings.serving
        self.champion = ModelReloader(store, settings)
        sink = partial(spool_sink.store_batches, store)
        self.spool = Spool(settings.home / "spool", sink, limit_bytes=limits.spool_bytes)
        self.keys = KeyRing(store)
        #: answers to requests with an Idempotency-Key
        self.retries = AnswerStore(
            settings.home / "idempotency",
            maximum_bytes=limits.idempotency_bytes,
            lifetime=limits.idempotency_hours * 3600,
        )
        self.rate_limit = RateLimit(limits.texts_per_second, limits.burst_texts)
        #: large requests that were refused, by caller
        self.refusals = Refusals()
        self.connections = Connections(limits)
        #: bad keys and failed logins of one address
        self.bad_key_rate = RateLimit(limits.bad_keys_per_minute / 60, limits.bad_keys_per_minute)
        #: labels per minute of each person on the Label page
        self.label_rate = RateLimit(
            settings.policy.label.labels_per_minute / 60, settings.policy.label.labels_per_minute
        )
        self.metrics = Metrics()
        self._pipeline = PredictionPipeline(self.spool, self._remember, settings.home / "cache" / "models")
        self.admission = Admission(
            limits.key_units_in_flight,
            limits.shed_seconds,
            lambda explain: self._pipeline.unit_seconds(explain=explain),
        )
        #: lines as JSON, by tweet id: bytes, because the garbage collector's scan of 50,000 dicts stops all requests
        self._recent: OrderedDict[int, bytes] = OrderedDict()
        self._recent_lock = threading.Lock()
        self._forgotten = ForgottenTweets(
            store,
            held=lambda: {*list(self._recent), *self.retries.tweet_ids()},
            drop=self._forget,
            cache=settings.home / "cache" / "models",
            seconds=limits.poll_seconds,
        )

    def start(self) -> None:
        """Load the champion, drain what an earlier process left in the spool, start the threads."""
        for folder in ("cache", "spool"):
            (self.settings.home / folder).mkdir(parents=True, exist_ok=True)
        for part in (self.retries, self.champion, self.spool, self._pipeline, self._forgotten):
            part.start()

    def stop(self) -> None:
        """Finish requests in progress and stop the threads."""
        for part in (self._forgotten, self._pipeline, self.champion, self.spool):
            part.stop()
        with suppress(OperationalError):
            self.keys.record_uses()

    async def predict(self, texts: Sequence[str], *, caller: Caller, explain: bool = False) -> list[Prediction]:
        """One prediction per text, all by the same version, once they are on disk. Texts have passed `bad_text`.

        Raises BadInput for more than MAX_EXPLAINED texts to explain, NotFound before the first champion, SpoolFull
        and SpoolFailed when predictions cannot be recorded.
        """
        if explain and len(texts) > MAX_EXPLAINED:
            raise BadInput(what="explain", problem=f"at most {MAX_EXPLAINED} texts at once can be explained")
        loaded = self.champion.current()
        long = sum(map(len, texts)) > LONG_CHARACTERS
        masked = await asyncio.to_thread(_mask, texts) if long else _mask(texts)
        return await self._pipeline.predict(Request(loaded, masked, explain, caller.key_id))

    async def record_feedback(self, prediction_id: str, *, label: str | None, caller: Caller) -> str:
        """Record a person's label (None confirms the prediction) and return it.

        Idempotent; a later label of the same person replaces an earlier one. Raises BadInput for an unknown label,
        NotFound for an unknown prediction, SpoolFull and SpoolFailed.
        """
        if label is not None and label not in LABELS:
            raise BadInput(what="label", problem=f"'{label[:40]}' is none of {', '.join(LABELS)}")
        prediction = await self.prediction(prediction_id, caller)
        true_label = label or prediction.label
        line = {
            "kind": "feedback",
            "tweet_id": prediction.tweet_id,
            "version": prediction.version,
            "label": true_label,
            "given_by": caller.name,
            "at": clock.now().isoformat(),
        }
        await asyncio.to_thread(self.spool.append, [line])
        self.metrics.feedback.labels(str(true_label == prediction.label).lower()).inc()
        return true_label

    async def prediction(self, prediction_id: str, caller: Caller) -> StoredPrediction:
        """A prediction of batch scoring, or one of the API, from memory or the database, that the caller's key made.

        Raises NotFound, also for a prediction that another key made, unless the caller is an admin.
        """
        ids = parse_prediction_id(prediction_id)
        if ids is None:
            raise NotFound(what="prediction", key=prediction_id[:60])
        tweet_id, version = ids
        recent = self._recent.get(tweet_id)
        if recent is not None and (line := orjson.loads(recent))["version"] == version:
            stored = _from_line(line)
        else:
            stored = await asyncio.to_thread(find_prediction, self.store, tweet_id, version)
        if tweet_id >= API_IDS_FROM and stored.api_key_id != caller.key_id and not caller.may("admin"):
            raise NotFound(what="prediction", key=prediction_id)
        return stored

    def update_gauges(self) -> None:
        """Set the gauges to the current state."""
        try:
            self.metrics.champion.set(self.champion.current().version)
        except NotFound:
            self.metrics.champion.set(0)
        self.metrics.champion_poll.set(self.champion.seconds_since_poll())
        self.metrics.spool.set(self.spool.held_bytes())
        self.metrics.connections.set(self.connections.count)
        self.metrics.connections_refused.set(self.connections.refused)

    async def update_store_sizes(self) -> None:
        """Set the gauges of store sizes to the last measurement; they stay as they are while the database is away."""
        with suppress(OperationalError):
            for name, size in (await asyncio.to_thread(_store_sizes, self.store)).items():
                gauge = self.metrics.folders if name.endswith("/") else self.metrics.tables
                gauge.labels(name.removesuffix("/")).set(size)

    def _forget(self, tweet_ids: Collection[int]) -> None:
        """Drop forgotten tweets from memory and from the answers for retries."""
        with self._recent_lock:
            for tweet_id in tweet_ids:
                self._recent.pop(tweet_id, None)
        self.retries.drop(tweet_ids)

    def _remember(self, lines: Sequence[Line]) -> None:
        """Keep the lines of one request, all of one version, for feedback that comes before the database has them."""
        version = lines[0]["version"]
        with self._recent_lock:
            self._recent.update({line["tweet_id"]: orjson.dumps(line) for line in lines})
            while len(self._recent) > MAX_RECENT:
                self._recent.popitem(last=False)
        for label, count in Counter([line["label"] for line in lines]).items():
            self.metrics.predictions.labels(version, label).inc(count)


def _mask(texts: Sequence[str]) -> list[str]:
    # a mask can be longer than what it hides, and the table takes no longer text
    return [text.strip()[:LONGEST_TEXT] for text in mask_all(texts)]


def _store_sizes(store: Store) -> dict[str, int]:
    with store.begin() as connection:
        measured = retention.newest_sizes(connection)
    return measured[1] if measured else {}


def find_prediction(store: Store, tweet_id: int, version: int) -> StoredPrediction:
    """A prediction from the database. Raises NotFound."""
    with store.begin() as connection:
        prediction = predictions.find(connection, tweet_id, version)
    if prediction is None:
        raise NotFound(what="prediction", key=format_prediction_id(tweet_id, version))
    return prediction


def _from_line(line: Line) -> StoredPrediction:
    """A prediction that the spool holds."""
    values = {name: value for name, value in line.items() if name not in ("kind", "at")}
    return StoredPrediction(**values, at=datetime.fromisoformat(line["at"]))
