"""Forecast of a month's use: its value, and an interval that holds what it says."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.statistics.linear_forecast import forecast


def test_the_rest_of_the_month_is_like_the_days_before():
    found = forecast(100, [10, 20, 30], 5)
    assert found.value == pytest.approx(200)
    assert (found.daily, found.days) == (20, 3)
    assert 100 <= found.low < 200 < found.high


def test_no_forecast_without_a_day_and_no_interval_from_two():
    assert forecast(100, [], 5) is None
    found = forecast(100, [10, 20], 5)
    assert (found.value, found.low, found.high) == (175, None, None)


def test_nineteen_of_twenty_months_end_within_the_interval():
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        days = generator.normal(1000, 150, size=29)
        found = forecast(0, list(days[:14]), 15)
        hits += found.low <= days[14:].sum() <= found.high
    # standard error 0.5 points
    assert hits / 2000 == pytest.approx(0.95, abs=0.02)
