"""The calibration error has an interval that holds, and is not inflated by noise."""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.annotator_errors import fit_annotator_errors
from sentiment_lib.statistics.calibration_error import MIN_ROWS, measure_calibration
from sentiment_lib.statistics.metrics import confusion_matrix
from sentiment_lib.statistics.sampled_quality import INTERVAL, RANGE, LabelledSample


def sample(labels, proba, **skipped):
    return LabelledSample(labels=labels, proba=proba, inclusion=np.full(len(labels), 0.1), **skipped)


def err(labels, random):
    wrong = random.random(labels.size) < 0.1
    return np.where(wrong, (labels + random.integers(1, 3, labels.size)) % 3, labels)


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
    found = [measure_calibration(sample(*world(400, seed, 2.0)), seed=seed) for seed in range(1, 201)]
    assert 183 <= sum(one.low <= size <= one.high for one in found) <= 198
    assert 183 <= sum(one.overconfidence_low <= mean <= one.overconfidence_high for one in found) <= 198
    assert mean > 0.05


def test_calibrated_probabilities_are_not_blamed_for_noise():
    found = [measure_calibration(sample(*world(400, seed, 1.0)), seed=seed) for seed in range(1, 101)]
    assert sum(one.low > 0.01 for one in found) <= 6
    assert np.median([one.value for one in found]) < 0.03


def test_too_few_labels_give_no_figure():
    assert measure_calibration(sample(*world(MIN_ROWS - 1, 1, 1.0))) is None


def test_errors_of_annotators_do_not_count_as_overconfidence():
    size, mean = gap(2.0)
    blamed = inside = inside_mean = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        labels, proba = world(400, seed + 1, 2.0)
        twice = world(400, seed + 1000, 2.0)[0]
        errors = fit_annotator_errors(confusion_matrix(err(twice, random), err(twice, random)), seed=seed)
        rows = sample(err(labels, random), proba)
        plain, found = measure_calibration(rows, seed=seed), measure_calibration(rows, errors=errors, seed=seed)
        blamed += plain.overconfidence_low > mean
        inside += found.low <= size <= found.high
        inside_mean += found.overconfidence_low <= mean <= found.overconfidence_high
        assert found.basis == INTERVAL
    assert blamed >= 15  # 2 of 60 expected
    assert inside >= 54
    assert inside_mean >= 54


def test_unknown_error_rates_give_a_range_from_none_to_a_tenth():
    labels, proba = world(1000, 5, 2.0)
    rows = sample(err(labels, np.random.default_rng(1)), proba)
    plain, found = measure_calibration(rows), measure_calibration(rows, unknown_errors=True)
    assert (found.basis, found.overconfidence_high) == (RANGE, plain.overconfidence_high)
    assert found.overconfidence_low < gap(2.0)[1] < plain.overconfidence_low


def test_skipped_tweets_widen_the_bounds_to_all_that_their_labels_could_be():
    labels, proba = world(1200, 5, 2.0)
    hard = proba.max(axis=1) < 0.6
    whole = measure_calibration(sample(labels, proba))
    skipped = {"skipped": proba[hard], "skipped_inclusion": np.full(hard.sum(), 0.1)}
    found = measure_calibration(sample(labels[~hard], proba[~hard], **skipped))
    assert found.basis == RANGE
    assert found.low <= whole.low <= whole.high <= found.high
    assert found.overconfidence_low < whole.overconfidence_low
    assert found.overconfidence_high > whole.overconfidence_high
