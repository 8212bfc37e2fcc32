"""Days are pooled as far as they differ by chance, and the band contains all of them at once."""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.partial_pooling import MIN_DAYS, pool_days


def days(seed, spread):
    random = np.random.default_rng(seed)
    odds = 0.8 + random.normal(0, spread, 14)
    seen = odds + random.normal(0, 0.15, 14)
    share = lambda value: 1 / (1 + np.exp(-value))  # noqa: E731 (the inverse of log odds)
    return share(odds), pool_days(share(seen), share(seen - 1.96 * 0.15), share(seen + 1.96 * 0.15), seed=seed)


def test_the_band_contains_every_day_in_95_of_100_charts():
    found = [days(seed, 0.1) for seed in range(200)]
    inside = sum(bool(((one.band_low <= true) & (true <= one.band_high)).all()) for true, one in found)
    assert 182 <= inside <= 199
    own = np.mean([(one.low <= true) & (true <= one.high) for true, one in found])
    assert 0.93 <= own <= 0.97


def test_days_that_differ_by_chance_alone_are_drawn_together_and_few_are_left_alone():
    _, same = days(1, 0.0)
    _, apart = days(1, 1.0)
    assert same.values.std() < 0.5 * 0.15 * 0.21
    assert apart.values.std() > 0.1
    few = np.full(MIN_DAYS - 1, 0.7)
    assert pool_days(few, few - 0.1, few + 0.1) is None


def test_a_day_that_stands_out_is_not_hidden_by_the_others():
    true, error = np.array([0.3] + [0.8] * 13), 0.15
    share = lambda value: 1 / (1 + np.exp(-value))  # noqa: E731 (the inverse of log odds)
    inside = 0
    for seed in range(100):
        seen = true + np.random.default_rng(seed).normal(0, error, 14)
        found = pool_days(share(seen), share(seen - 1.96 * error), share(seen + 1.96 * error), seed=seed)
        inside += bool(found.low[0] <= share(0.3) <= found.high[0])
    assert inside >= 85, "by pooling alone it is about 60"
