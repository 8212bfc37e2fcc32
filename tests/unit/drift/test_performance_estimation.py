"""Quality is foreseen from calibrated probabilities, measured from a drawn sample, and decides the severity."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.drift import performance_estimation
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling


def world(rows, seed, *, prior=(0.6, 0.25, 0.15), noise=1.0):
    """Labels and well-calibrated probabilities of a three-class world."""
    random = np.random.default_rng(seed)
    labels = random.choice(3, rows, p=prior)
    seen = np.eye(3)[labels] * 2 + random.normal(0, noise, (rows, 3))
    # the posterior of equal Gaussians
    scores = np.log(prior) + 2 * seen / noise**2
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    return labels, proba / proba.sum(axis=1, keepdims=True)


def test_the_estimate_without_labels_is_near_the_truth():
    labels, proba = world(4000, 1, noise=1.5)
    truth = performance_estimation.estimate_from_sample(labels, proba, np.ones(4000))
    guess = performance_estimation.estimate_without_labels(proba)
    assert guess.value == pytest.approx(truth.value, abs=0.02)
    assert guess.low < truth.value < guess.high or abs(guess.value - truth.value) < 0.02


def test_overconfident_probabilities_are_mended_before_they_are_believed():
    labels, proba = world(4000, 2, noise=1.5)
    sharp = proba**3 / (proba**3).sum(axis=1, keepdims=True)
    truth = performance_estimation.estimate_from_sample(labels, sharp, np.ones(4000)).value
    fitted = fit_matrix_scaling(labels[:2000], sharp[:2000])
    bare, mended = (
        performance_estimation.estimate_without_labels(sharp),
        performance_estimation.estimate_without_labels(sharp, fitted),
    )
    assert abs(mended.value - truth) < abs(bare.value - truth)


def test_a_sample_that_prefers_one_class_is_weighted_back():
    labels, proba = world(20_000, 3, noise=2.0)
    chance = np.where(labels == 0, 0.02, 0.2)
    drawn = np.random.default_rng(4).random(20_000) < chance
    truth = performance_estimation.estimate_from_sample(labels, proba, np.ones(20_000)).value
    weighted = performance_estimation.estimate_from_sample(labels[drawn], proba[drawn], chance[drawn]).value
    naive = performance_estimation.estimate_from_sample(labels[drawn], proba[drawn], np.ones(drawn.sum())).value
    assert abs(weighted - truth) < abs(naive - truth)


def test_a_shift_of_the_labels_is_estimated_both_ways():
    labels, proba = world(4000, 5)
    _, later = world(4000, 6)
    random = np.random.default_rng(7)
    shifted_labels, _ = world(4000, 6)
    keep = random.random(4000) < np.where(shifted_labels == 0, 0.2, 1.0)
    true = np.bincount(shifted_labels[keep], minlength=3) / keep.sum()
    prior = np.bincount(labels, minlength=3) / len(labels)
    assert performance_estimation.prior_em(later[keep], prior) == pytest.approx(true, abs=0.03)
    assert performance_estimation.prior_bbse(labels, proba, later[keep]) == pytest.approx(true, abs=0.04)
