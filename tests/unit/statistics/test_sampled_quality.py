"""Bounds of quality from a sample hold with rare classes, annotators' errors and skipped tweets, or claim less."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.statistics.annotator_errors import fit_annotator_errors
from sentiment_lib.statistics.metric_estimates import metrics_with_intervals
from sentiment_lib.statistics.metrics import compute_metric, confusion_matrix
from sentiment_lib.statistics.sampled_quality import INTERVAL, RANGE, TOO_FEW, LabelledSample, estimate_quality

RARE = (0.88, 0.09, 0.03)


def stream(rows, random, prior=(0.6, 0.25, 0.15)):
    labels = random.choice(3, rows, p=prior)
    scores = np.log(prior) + 2 * (2 * np.eye(3)[labels] + random.normal(0, 1.5, (rows, 3))) / 1.5**2
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    return labels, proba / proba.sum(axis=1, keepdims=True)


def true_macro_f1(prior=(0.6, 0.25, 0.15)):
    labels, proba = stream(400_000, np.random.default_rng(0), prior)
    return float(compute_metric(confusion_matrix(labels, proba.argmax(axis=1)), "macro_f1"))


def err(labels, share, random):
    wrong = random.random(labels.size) < share
    return np.where(wrong, (labels + random.integers(1, 3, labels.size)) % 3, labels)


def sample(labels, proba, skipped=None):
    some = {} if skipped is None else {"skipped": skipped, "skipped_inclusion": np.full(len(skipped), 0.1)}
    return LabelledSample(labels=labels, proba=proba, inclusion=np.full(len(labels), 0.1), **some)


def test_a_rare_class_leaves_the_interval_wide_enough():
    truth, inside, shown = true_macro_f1(RARE), 0, 0
    for seed in range(300):
        found = estimate_quality(sample(*stream(300, np.random.default_rng(seed + 1), RARE)))
        if found.basis == INTERVAL:
            shown += 1
            inside += found.low <= truth <= found.high
    assert shown > 200
    assert 0.92 <= inside / shown <= 0.985  # the percentile bootstrap holds about 80 % here


def test_too_few_labels_of_a_class_have_a_value_and_no_bounds():
    labels, proba = stream(100, np.random.default_rng(1))
    labels[labels == 2] = 0
    found = estimate_quality(sample(labels, proba))
    assert (found.basis, found.low, found.high) == (TOO_FEW, None, None)
    card = metrics_with_intervals(labels, proba)
    assert card["macro_f1"][1:] == (None, None)
    assert card["accuracy"][1] < card["accuracy"][0] < card["accuracy"][2]


def test_errors_of_annotators_are_corrected_by_tweets_that_two_people_labelled():
    truth, corrected, plain, inside, shown = true_macro_f1(), [], [], 0, 0
    for seed in range(60):
        random = np.random.default_rng(seed + 1)
        labels, proba = stream(300, random)
        twice = stream(300, random)[0]
        errors = fit_annotator_errors(confusion_matrix(err(twice, 0.1, random), err(twice, 0.1, random)), seed=seed)
        rows = sample(err(labels, 0.1, random), proba)
        found = estimate_quality(rows, errors=errors)
        corrected.append(found.value)
        plain.append(estimate_quality(rows).value)
        inside += found.low <= truth <= found.high
        shown += found.basis == INTERVAL
    assert shown >= 55
    assert np.mean(plain) < truth - 0.05
    assert np.mean(corrected) == pytest.approx(truth, abs=0.012)
    assert inside >= 53  # 57 of 60 expected


def test_with_too_few_pairs_the_bounds_are_a_range_that_reaches_the_truth():
    assert fit_annotator_errors(np.diag([20, 10, 10])) is None
    truth, alone_inside, inside = true_macro_f1(), 0, 0
    for seed in range(40):
        random = np.random.default_rng(seed + 1)
        labels, proba = stream(1000, random)
        rows = sample(err(labels, 0.1, random), proba)
        alone, found = estimate_quality(rows), estimate_quality(rows, unknown_errors=True)
        alone_inside += alone.low <= truth <= alone.high
        inside += found.low <= truth <= found.high
        assert (found.basis, found.low) == (RANGE, alone.low)
    assert alone_inside <= 2
    assert inside >= 36


def test_skipped_tweets_widen_the_bounds_to_the_worst_that_they_could_be():
    labels, proba = stream(1000, np.random.default_rng(6))
    hard = proba.max(axis=1) < np.quantile(proba.max(axis=1), 0.2)
    everything = estimate_quality(sample(labels, proba))
    biased = estimate_quality(sample(labels[~hard], proba[~hard]))
    found = estimate_quality(sample(labels[~hard], proba[~hard], skipped=proba[hard]))
    assert biased.low > everything.value, "skipping hard tweets flatters the model"
    assert found.basis == RANGE
    assert found.low < everything.low < everything.high < found.high


def test_no_labels_of_skipped_tweets_lead_below_the_bounds():
    random = np.random.default_rng(3)
    labels, proba = stream(300, random)
    rows = sample(labels, proba, skipped=stream(12, random)[1])
    found = estimate_quality(rows)
    for _ in range(200):
        guess = random.integers(0, 3, 12)
        known = estimate_quality(sample(np.r_[labels, guess], np.vstack([proba, rows.skipped])))
        assert found.low <= known.value <= found.high


def test_accuracy_holds_with_rare_classes_and_errors_of_annotators_and_macro_f1_is_a_range():
    prior = (0.9, 0.07, 0.03)
    labels, proba = stream(400_000, np.random.default_rng(0), prior)
    truth = float((proba.argmax(axis=1) == labels).mean())
    inside = ranges = shown = 0
    for seed in range(60):
        random = np.random.default_rng(seed + 1)
        labels, proba = stream(400, random, prior)
        twice = stream(300, random, prior)[0]
        errors = fit_annotator_errors(confusion_matrix(err(twice, 0.1, random), err(twice, 0.1, random)), seed=seed)
        rows = sample(err(labels, 0.1, random), proba)
        found = estimate_quality(rows, metric="accuracy", errors=errors)
        if found.low is not None:
            shown += 1
            inside += found.low <= truth <= found.high
            ranges += estimate_quality(rows, errors=errors).basis == RANGE
            assert found.basis == INTERVAL
    assert shown >= 45
    assert inside >= 0.9 * shown
    assert ranges >= 0.8 * shown
