"""Rate limiting by token bucket, and memory of who was refused."""

from __future__ import annotations

import threading
import time

#: Callers that are remembered before those with a full bucket are forgotten.
MAX_BUCKETS = 10_000


class RateLimit:
    """One bucket for each caller: `per_second` tokens on average, at most `burst` at once."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        #: by caller: tokens, and the time (monotonic seconds) at which they were counted
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def acquire(self, caller: str, tokens: float = 1.0) -> float:
        """Take the tokens and return 0.0, or take none and return the seconds until they are available.

        A request larger than the bucket needs a full one, and leaves it overdrawn.
        """
        now = time.monotonic()
        with self._lock:
            if len(self._buckets) >= MAX_BUCKETS:
                self._drop_full(now)
            available, counted_at = self._buckets.get(caller, (self._burst, now))
            available = min(self._burst, available + (now - counted_at) * self._per_second)
            needed = min(tokens, self._burst)
            if available >= needed:
                self._buckets[caller] = (available - tokens, now)
                return 0.0
            self._buckets[caller] = (available, now)
            return (needed - available) / self._per_second

    def _drop_full(self, now: float) -> None:
        """Forget callers whose bucket is full again: they start with a full one anyway."""
        self._buckets = {
            caller: (tokens, at)
            for caller, (tokens, at) in self._buckets.items()
            if tokens + (now - at) * self._per_second < self._burst
        }


class Refusals:
    """Callers whose request was refused, with its size: one as large need not be read before they were to come back."""

    def __init__(self) -> None:
        #: by caller: size, and the time (monotonic seconds) until which requests of that size are refused
        self._refused: dict[str, tuple[int, float]] = {}

    def note(self, caller: str, size: int, seconds: float) -> None:
        """A request of this size was refused for so many seconds."""
        now = time.monotonic()
        if len(self._refused) >= MAX_BUCKETS:
            self._refused = {other: entry for other, entry in self._refused.items() if entry[1] > now}
        self._refused[caller] = (size, now + seconds)

    def remaining(self, caller: str, size: int) -> float:
        """Seconds for which a request of this size is still refused; 0.0 for none."""
        refused_size, until = self._refused.get(caller, (0, 0.0))
        return max(0.0, until - time.monotonic()) if size >= refused_size else 0.0
