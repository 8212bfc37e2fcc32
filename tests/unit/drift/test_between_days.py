"""The variation between days enters the test of the next one; neither past storms nor one answer hide the next."""

from __future__ import annotations

import numpy as np
from scipy import stats

from sentiment_lib.drift.between_days import LEARNED, BetweenDays, PastWindow, SignalHistory, collect_histories


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


def test_storms_in_the_past_do_not_hide_the_next():
    random = np.random.default_rng(4)
    for storms in (0, 3, 7):
        past = history(random, windows=40, between=1.0, storms=storms)
        assert past.corrected(2 * stats.norm.sf(8), 1000.0) < 1e-4, storms
        assert past.corrected(2 * stats.norm.sf(2), 1000.0) > 0.08
    # of half the days, that is how the stream varies
    assert history(random, windows=40, storms=20).corrected(2 * stats.norm.sf(8), 1000.0) > 0.5


def window(effect=0.3, z=12.0, **more):
    signal = {
        "signal": "length",
        "effect": effect,
        "drifted": True,
        "p_value": 2 * stats.norm.sf(abs(z)),
        "rows": 240.0,
    }
    return PastWindow(signals=(signal,), **more)


def test_the_prior_holds_the_level_before_there_are_windows_and_ends_when_there_are():
    unknown = collect_histories([])
    assert unknown.is_learning
    # days that differ by 3 points: the statistic's standard deviation is 1.3
    draws = np.abs(np.random.default_rng(5).normal(0, 1.3, 2000))
    p_values = [2 * stats.norm.sf(z) for z in draws]
    assert np.mean(np.array(p_values) <= 0.005) > 0.02
    assert np.mean([unknown.corrected("length", p_value, 240.0) <= 0.005 for p_value in p_values]) <= 0.005
    calm = collect_histories(window(z=z) for z in np.random.default_rng(6).normal(0, 1, LEARNED))
    assert not calm.is_learning
    assert calm.corrected("length", 1e-9, 240.0) < 5e-4 < unknown.corrected("length", 1e-9, 240.0)
    assert BetweenDays().corrected("length", 1e-6, 240.0) == 1e-6, "without a history days are exchangeable"


def test_what_was_confirmed_is_no_variation_between_days():
    def corrected(confirmed):
        calm = [window(z=z) for z in np.random.default_rng(7).normal(0, 1, 20)]
        storms = [window(z=12, confirmed=confirmed)] * 8
        return collect_histories(calm + storms).corrected("length", 2 * stats.norm.sf(6), 240.0)

    assert corrected(True) < 1e-3 < corrected(False)


def test_one_answer_raises_a_floor_within_bounds_and_a_second_one_all_the_way():
    one = [window(0.3, answer=1), window(0.4, answer=1)]
    assert collect_histories(one).floor("length", 0.05) == 0.1
    assert collect_histories([*one, window(0.2, answer=2)]).floor("length", 0.05) == 0.2
    assert collect_histories([window(0.3, harmless=True)]).floor("length", 0.05) == 0.3
    assert collect_histories([window(0.3)]).floor("length", 0.05) == 0.05
