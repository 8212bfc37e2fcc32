"""The calibration error has an interval that holds, and is not inflated by noise."""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.calibration_error import MIN_ROWS, measure_calibration


def world(rows, seed, power):
    random = np.random.default_rng(seed)
    honest = random.dirichlet([1.0, 0.7, 0.5], size=rows)
    labels = (honest.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(0, 2)
    claimed = honest**power
    return labels, claimed / claimed.sum(axis=1, keepdims=True)


def gap(power):
    labels, proba = world(400_000, 0, power)
    confidence = proba.max(axis=1)
    rows = confidence - (proba.argmax(axis=1) == labels)
    bins = np.array_split(np.argsort(confidence), 10)
    return float(np.sqrt(np.mean([rows[part].mean() ** 2 for part in bins]))), float(rows.mean())


def test_the_interval_contains_the_error_about_as_often_as_it_says():
    size, mean = gap(2.0)
    found = [measure_calibration(*world(400, seed, 2.0), seed=seed) for seed in range(1, 201)]
    assert 183 <= sum(one.low <= size <= one.high for one in found) <= 198
    assert 183 <= sum(one.overconfidence_low <= mean <= one.overconfidence_high for one in found) <= 198
    assert mean > 0.05


def test_calibrated_probabilities_are_not_blamed_for_noise():
    found = [measure_calibration(*world(400, seed, 1.0), seed=seed) for seed in range(1, 101)]
    assert sum(one.low > 0.01 for one in found) <= 6
    assert np.median([one.value for one in found]) < 0.03


def test_too_few_labels_give_no_figure():
    assert measure_calibration(*world(MIN_ROWS - 1, 1, 1.0)) is None
