"""Numbers for texts that come in through the API.

A text typed into the API enters as a tweet, so that predictions, feedback, labels and lineage work for it unchanged.
Its id lies above every id that X can give before 2060, is ordered by time, and does not repeat across processes.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time

from sentiment_lib.records import API_IDS_FROM

FLOOR = API_IDS_FROM
_EPOCH_MS = 1_577_836_800_000  # 2020-01-01
_COUNTER_BITS = 20


class TweetIds:
    """Ids for one process: 40 bits of milliseconds, 20 bits of a counter that starts at random."""

    def __init__(self) -> None:
        self._counter = itertools.count(secrets.randbits(_COUNTER_BITS))
        self._lock = threading.Lock()

    def next(self) -> int:
        """One more id, larger than FLOOR."""
        with self._lock:
            count = next(self._counter) % (1 << _COUNTER_BITS)
        milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
        return FLOOR + (milliseconds << _COUNTER_BITS | count)


def prediction_key(tweet_id: int, version: int) -> str:
    """Public id of a prediction: known before the row is stored, since the pair is unique."""
    return f"{tweet_id}-{version}"


def parse_prediction_key(key: str) -> tuple[int, int] | None:
    """(tweet id, model version), or None when the key has another form."""
    tweet, dash, version = key.partition("-")
    if not dash or not (tweet.isascii() and tweet.isdigit() and version.isascii() and version.isdigit()):
        return None
    if len(tweet) > 19 or len(version) > 18 or int(tweet) >= 2**63:
        return None
    return int(tweet), int(version)
