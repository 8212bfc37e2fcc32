"""Ids of texts that come in through the API, and the public ids of predictions.

A text sent to the API is stored as a tweet, so that predictions, feedback, labels and lineage work for it unchanged.
Its id lies above every id that X can assign before 2060, is ordered by time, and is unique across processes.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.tweet_ids import API_COUNTER_BITS, API_EPOCH_MS


class TweetIds:
    """Id generator of one process: 40 bits of milliseconds, then 20 bits of a counter with a random start."""

    def __init__(self) -> None:
        self._counter = itertools.count(secrets.randbits(API_COUNTER_BITS))
        self._lock = threading.Lock()

    def next(self) -> int:
        """A new id, at least API_IDS_FROM."""
        with self._lock:
            count = next(self._counter) % (1 << API_COUNTER_BITS)
        milliseconds = time.time_ns() // 1_000_000 - API_EPOCH_MS
        return API_IDS_FROM + (milliseconds << API_COUNTER_BITS | count)


def format_prediction_id(tweet_id: int, version: int) -> str:
    """Public id of a prediction: known before its row is stored, since the pair is unique."""
    return f"{tweet_id}-{version}"


def parse_prediction_id(prediction_id: str) -> tuple[int, int] | None:
    """(tweet id, model version), or None for any other form."""
    tweet, dash, version = prediction_id.partition("-")
    if not dash or not (tweet.isascii() and tweet.isdigit() and version.isascii() and version.isdigit()):
        return None
    if len(tweet) > 19 or len(version) > 18 or int(tweet) >= 2**63:
        return None
    return int(tweet), int(version)
