"""Cohen's kappa and its interval."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.evaluation.agreement import measure_agreement
from sentiment_lib.records import LABELS


def test_kappa_is_that_of_the_textbook():
    # Cohen's own form of the figure: 45 + 15 of 100 agree, chance 0.6 * 0.7 + 0.4 * 0.3 = 0.54
    pairs = [("negative", "negative")] * 45 + [("negative", "positive")] * 15
    pairs += [("positive", "negative")] * 25 + [("positive", "positive")] * 15
    found = measure_agreement(pairs)
    assert found.share == pytest.approx(0.6)
    assert found.kappa == pytest.approx((0.6 - 0.54) / 0.46)
    assert found.counts == ((45, 0, 15), (0, 0, 0), (25, 0, 15))
    assert found.interval[0] < found.kappa < found.interval[1]


def test_full_agreement_is_one_and_no_pairs_are_no_figure():
    assert measure_agreement([("negative", "negative"), ("positive", "positive")]).kappa == 1
    assert measure_agreement([]).kappa is None
    assert measure_agreement([("negative", "negative")] * 5).kappa is None, "chance alone would agree always"


def test_the_interval_covers_the_true_kappa_about_as_often_as_it_says():
    generator = np.random.default_rng(7)
    truth = np.array([[0.4, 0.06, 0.02], [0.06, 0.2, 0.04], [0.02, 0.04, 0.16]])
    chance = float(truth.sum(axis=0) @ truth.sum(axis=1))
    true_kappa = (float(np.trace(truth)) - chance) / (1 - chance)
    covered = 0
    for _ in range(200):
        drawn = generator.choice(9, size=150, p=truth.ravel())
        found = measure_agreement([(LABELS[cell // 3], LABELS[cell % 3]) for cell in drawn])
        covered += found.interval[0] <= true_kappa <= found.interval[1]
    assert 0.88 <= covered / 200 <= 0.99
