"""Rate limiting by token bucket."""

from __future__ import annotations

import threading
import time


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
            available, counted_at = self._buckets.get(caller, (self._burst, now))
            available = min(self._burst, available + (now - counted_at) * self._per_second)
            needed = min(tokens, self._burst)
            if available >= needed:
                self._buckets[caller] = (available - tokens, now)
                return 0.0
            self._buckets[caller] = (available, now)
            return (needed - available) / self._per_second
