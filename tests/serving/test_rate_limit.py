"""A caller over its rate is told how long to wait; others are not affected."""

from __future__ import annotations

from sentiment_lib.serving.rate_limit import RateLimit


def test_a_caller_that_is_too_fast_is_told_how_long_to_wait():
    limit = RateLimit(per_second=10, burst=3)
    assert [limit.acquire("one") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert 0 < limit.acquire("one") <= 0.1
    assert limit.acquire("two") == 0.0
