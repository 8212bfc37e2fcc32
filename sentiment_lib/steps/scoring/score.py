"""The champion scores every tweet that it has not scored, each distinct text once, and the audit sample is drawn."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from sentiment_lib.families.base import Model, check_probabilities
from sentiment_lib.records import ModelVersion, ScoreResult
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.storage import predictions
from sentiment_lib.storage.engine import Store

#: Distinct texts whose probabilities are remembered within a run (about 100 bytes each).
REMEMBERED = 500_000

Proba = NDArray[np.float64]


def run(store: Store, settings: Settings) -> ScoreResult:
    """Score in batches, one transaction each: a killed run goes on where it stopped."""
    version, policy = bootstrap.run(store, settings), settings.policy.score

    def unscored(connection: Connection, after: int) -> list[tuple[int, str]]:
        return predictions.unscored(connection, version.version, after=after, rows=policy.batch_rows)

    return in_batches(store, settings, version, unscored, audit_share=policy.audit_share)


def in_batches(
    store: Store,
    settings: Settings,
    version: ModelVersion,
    waiting: Callable[[Connection, int], list[tuple[int, str]]],
    *,
    share: float = 1.0,
    audit_share: float = 0.0,
) -> ScoreResult:
    """Let the version score what waits, each distinct text once.

    `waiting` gives the next (tweet id, text) above an id, by id, and nothing at the end. Of them `share` is drawn to be
    scored, and `audit_share` for the audit sample: by the same keyed draw, so the smaller lies within the larger.
    """
    started = time.monotonic()
    model: Model | None = None
    known: dict[bytes, Proba] = {}
    scored = distinct = after = 0
    while True:
        with store.begin() as connection:
            rows = waiting(connection, after)
        if not rows:
            break
        after = rows[-1][0]
        chosen = rows if share >= 1 else [row for row in rows if is_drawn(row[0], share, settings)]
        if not chosen:
            continue
        model = model or Registry(settings).load(version.version, version.digest)
        proba, fresh = _each_text_once(model, [text for _, text in chosen], known)
        ids = [tweet_id for tweet_id, _ in chosen]
        with store.begin() as connection:
            drawn = [audit_share if is_drawn(tweet_id, audit_share, settings) else None for tweet_id in ids]
            scored += predictions.store(connection, version.version, ids, proba, drawn)
        distinct += fresh
    return ScoreResult(
        model_version=version.version,
        scored=scored,
        distinct_texts=distinct,
        seconds=round(time.monotonic() - started, 3),
    )


def is_drawn(tweet_id: int, share: float, settings: Settings) -> bool:
    """Whether a tweet belongs to the audit sample; the same answer each time, and not to be guessed without the key.

    The draw is by tweet, not by prediction, so that two versions are audited on the same tweets.
    """
    key = settings.author_key.get_secret_value().encode()[:64]
    digest = hashlib.blake2b(f"audit {tweet_id}".encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def _each_text_once(model: Model, texts: Sequence[str], known: dict[bytes, Proba]) -> tuple[Proba, int]:
    """Probabilities (n, 3) of the texts, and how many of them the model had to look at."""
    keys = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    if len(known) > REMEMBERED:
        known.clear()
    fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if fresh:
        known.update(zip(fresh, check_probabilities(model, list(fresh.values())), strict=True))
    return np.stack([known[key] for key in keys]), len(fresh)
