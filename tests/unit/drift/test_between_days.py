"""The variation between days enters the test of the next one; a few storms in the past do not hide the next."""

from __future__ import annotations

import numpy as np
from scipy import stats

from sentiment_lib.drift.between_days import SignalHistory


def history(random, *, windows=40, between=3.0, rows=1000.0, storms=0):
    """Squared statistics of windows whose variance is 1 + `between`."""
    squares = random.normal(0, np.sqrt(1 + between), windows) ** 2
    squares[:storms] = 30.0**2
    return SignalHistory(squares=squares, rows=np.full(windows, rows))


def rejected(seed, *, between, level=0.002, rows=1000.0, now=1000.0, storms=0, tries=1000):
    """Share of undisturbed windows with a corrected p-value at or below the level."""
    random, hits = np.random.default_rng(seed), 0
    for _ in range(tries):
        past = history(random, between=between, rows=rows, storms=storms)
        p_value = 2 * stats.norm.sf(abs(random.normal(0, np.sqrt(1 + between * now / rows))))
        hits += past.corrected(p_value, now) <= level
    return hits / tries


def test_the_level_holds_whatever_the_variation_between_days():
    for between in (0.0, 1.0, 9.0):
        # without the correction: 2, 17 and 53 %
        assert rejected(1, between=between, level=0.02) <= 0.032


def test_the_variation_scales_with_the_number_of_rows():
    assert rejected(3, between=2.0, rows=500.0, now=2000.0, level=0.02) <= 0.036


def test_a_few_storms_in_the_past_do_not_hide_the_next():
    random = np.random.default_rng(4)
    past = history(random, windows=40, between=1.0, storms=3)
    assert past.corrected(2 * stats.norm.sf(10), 1000.0) < 1e-4
    assert past.corrected(2 * stats.norm.sf(2), 1000.0) > 0.1


def test_too_few_windows_change_nothing():
    past = SignalHistory(squares=np.full(4, 100.0), rows=np.full(4, 1000.0))
    assert past.corrected(1e-6, 1000.0) == 1e-6
