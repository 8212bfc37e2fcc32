"""A champion's decline on audit labels: seldom asked for nothing, soon asked for something, draws weighed."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.evaluation.accuracy_decline import PromisedAccuracy, detect_decline

RULE = {"promised": PromisedAccuracy(right=8000, rows=10_000), "drop": 0.03, "run_length": 1000.0}


def mistakes(seed, rows, chance):
    return np.random.default_rng(seed).random(rows) < chance


def judged(wrong, inclusion=None, **more):
    return detect_decline(wrong, np.ones(len(wrong)) if inclusion is None else inclusion, **{**RULE, **more})


def test_a_loss_that_is_borne_asks_after_more_labels_than_the_run_length_on_average():
    asked = [judged(mistakes(seed, 3000, 0.23)).crossed_after or 3000 for seed in range(40)]
    assert np.mean(asked) > 1000


def test_a_decline_is_found_and_a_larger_one_sooner():
    def median(chance):
        return np.median([judged(mistakes(seed, 3000, chance)).crossed_after or 3000 for seed in range(20)])

    assert median(0.45) < median(0.33) < 400


def test_a_decline_after_a_long_good_time_is_found_as_fast():
    good, bad = mistakes(1, 2000, 0.1), mistakes(2, 600, 0.45)
    late = judged(np.concatenate([good, bad])).crossed_after
    assert late is not None
    assert late - 2000 < (judged(bad).crossed_after or 600) + 100


def test_labels_that_were_drawn_seldom_count_for_more():
    wrong = [True] * 100 + [False] * 100
    found = judged(wrong, [1.0] * 100 + [0.25] * 100)
    assert found.measured == pytest.approx(0.8)
    assert judged(wrong).measured == pytest.approx(0.5)


def test_without_labels_there_is_nothing_to_say():
    assert judged([]).crossed_after is None


def test_a_promise_of_a_small_holdout_and_of_the_best_of_several_is_worth_less():
    small, large = PromisedAccuracy(right=85, rows=100), PromisedAccuracy(right=8500, rows=10_000)
    chosen = PromisedAccuracy(right=85, rows=100, share=0.1)
    assert large.accepted(0.03) == pytest.approx(0.82)
    assert chosen.accepted(0.03) < small.accepted(0.03) < 0.79
    assert PromisedAccuracy(right=0, rows=10).accepted(0.03) == 0


def test_a_champion_chosen_by_a_small_holdout_that_never_fell_seldom_asks():
    right = np.random.default_rng(3).binomial(100, 0.8, (60, 3)).max(axis=1)
    asked = [
        judged(mistakes(seed, 1000, 0.2), promised=PromisedAccuracy(right=int(best), rows=100, share=0.1))
        for seed, best in enumerate(right)
    ]
    assert sum(one.crossed_after is not None for one in asked) <= 6
