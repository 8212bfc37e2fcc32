"""Batch scoring: score tweets with the champion, each distinct text once, and draw the audit sample."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from sentiment_lib import progress
from sentiment_lib.families.base import Model, check_probabilities
from sentiment_lib.records import ModelVersion, ScoreResult
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.steps.scoring import daily_sentiment
from sentiment_lib.steps.scoring.backlog import Backlog
from sentiment_lib.storage import predictions
from sentiment_lib.storage.engine import Store

#: Distinct texts whose probabilities are cached within a run (about 100 bytes each).
CACHED_TEXTS = 500_000

Proba = NDArray[np.float64]


def run(
    store: Store, settings: Settings, *, whole_history: bool = False, ids: tuple[int, int] | None = None
) -> ScoreResult:
    """Score every waiting tweet, then tweets of before the champion's deployment within `score.rescore_window`.

    Batches of one transaction each: a killed run resumes where it stopped. A run ends when another version becomes
    champion. whole_history: go back to the first tweet. ids: score only what waits from one tweet id to another, while
    others score other ranges.
    Raises UnsafeArtefact when the package was changed, BadInput when the model returns invalid probabilities.
    """
    version, policy = bootstrap.run(store, settings), settings.policy.score
    window = None if whole_history else policy.rescore_window
    backlog = Backlog(version.version, window=window, rows=policy.batch_rows, ids=ids)
    total = None
    if progress.is_watched():
        with store.begin() as connection:
            total = backlog.count(connection)
    pending = PendingTweets(
        next_rows=lambda connection, _: backlog.next_rows(connection), finish=backlog.finish, total=total
    )
    with store.in_use("score"):  # tells others that what waits is being done
        result = score_batches(store, settings, version, pending, audit_share=policy.audit_share)
    if ids is None:
        progress.report("Computing daily shares")
        daily_sentiment.run(store, version.version, auditors=settings.policy.label.auditors)
    return result


@dataclass(frozen=True, kw_only=True)
class PendingTweets:
    """Where `score_batches` gets the tweets to be scored."""

    #: the next (tweet id, text) after an id, in order of id; nothing at the end
    next_rows: Callable[[Connection, int], list[tuple[int, str]]]
    #: called with their ids in the transaction that stores their predictions
    finish: Callable[[Connection, Sequence[int]], None] | None = None
    #: how many there are, for the progress
    total: int | None = None


def score_batches(
    store: Store,
    settings: Settings,
    version: ModelVersion,
    pending: PendingTweets,
    *,
    share: float = 1.0,
    audit_share: float = 0.0,
) -> ScoreResult:
    """Score pending tweets with this version, each distinct text once.

    A sample of `share` is scored, and of `audit_share` enters the audit sample: by the same keyed hash, so the smaller
    is a subset.
    """
    started = time.monotonic()
    model: Model | None = None
    cache: dict[bytes, Proba] = {}
    scored = distinct = after = 0
    while True:
        with store.begin() as connection:
            rows = pending.next_rows(connection, after)
        if not rows:
            break
        after = rows[-1][0]
        sampled = rows if share >= 1 else [row for row in rows if is_sampled(row[0], share, settings)]
        if not sampled:
            continue
        model = model or Registry(settings).load(version.version, version.digest)
        proba, fresh = _predict_distinct(model, [text for _, text in sampled], cache)
        ids = [tweet_id for tweet_id, _ in sampled]
        with store.begin() as connection:
            inclusion = [audit_share if is_sampled(tweet_id, audit_share, settings) else None for tweet_id in ids]
            scored += predictions.store(connection, version.version, ids, proba, inclusion)
            if pending.finish is not None:
                pending.finish(connection, ids)
        distinct += fresh
        # rescoring goes on after the tweets that were counted
        progress.report(f"Scoring with version {version.version}", scored, pending.total and max(pending.total, scored))
    return ScoreResult(
        model_version=version.version,
        scored=scored,
        distinct_texts=distinct,
        seconds=round(time.monotonic() - started, 3),
    )


def is_sampled(tweet_id: int, share: float, settings: Settings) -> bool:
    """Whether a tweet is in the sample of this share: a keyed hash of its id, reproducible and unpredictable.

    The hash depends on the tweet alone, so that two versions are audited on the same tweets.
    """
    key = settings.author_key.get_secret_value().encode()[:64]
    digest = hashlib.blake2b(f"audit {tweet_id}".encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def _predict_distinct(model: Model, texts: Sequence[str], cache: dict[bytes, Proba]) -> tuple[Proba, int]:
    """Probabilities (n, 3) of the texts, and how many of them were not in the cache."""
    keys = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    if len(cache) > CACHED_TEXTS:
        cache.clear()
    fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in cache}
    if fresh:
        cache.update(zip(fresh, check_probabilities(model, list(fresh.values())), strict=True))
    return np.stack([cache[key] for key in keys]), len(fresh)
