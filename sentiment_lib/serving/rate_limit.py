"""Rate limiting by token bucket."""

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
