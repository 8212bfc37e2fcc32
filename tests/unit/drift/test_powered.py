"""The labelled sample and all predictions together: right on average, and surer than the sample alone."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.drift import performance_estimation
from sentiment_lib.drift.prediction_powered import accuracy, powered


def world(rows, random, sharpness=1.0):
    """Labels and the probabilities of three classes that a model gives; sharpness 1 is calibrated."""
    prior = np.array([0.6, 0.25, 0.15])
    labels = random.choice(3, rows, p=prior)
    seen = np.eye(3)[labels] * 2 + random.normal(0, 1.3, (rows, 3))
    scores = sharpness * (np.log(prior) + 2 * seen / 1.3**2)
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    return labels, proba / proba.sum(axis=1, keepdims=True)


def truth(sharpness=1.0):
    labels, proba = world(100_000, np.random.default_rng(0), sharpness)
    confusion = np.zeros((3, 3))
    np.add.at(confusion, (labels, proba.argmax(axis=1)), 1)
    return performance_estimation.macro_f1(confusion)


@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_intervals_hold_the_truth_and_are_narrower_than_those_of_the_sample_alone(sharpness):
    right, held, widths = truth(sharpness), 0, []
    for seed in range(30):
        random = np.random.default_rng(seed + 1)
        labels, proba = world(2000, random, sharpness)
        # tweets of one predicted class are drawn more often than others
        chance = np.where(proba.argmax(axis=1) == 0, 0.05, 0.2)
        drawn = random.random(2000) < chance
        both = powered(labels[drawn], proba[drawn], chance[drawn], proba, rounds=100, seed=seed)
        alone = performance_estimation.measured(labels[drawn], proba[drawn], chance[drawn], rounds=100, seed=seed)
        held += both.low <= right <= both.high
        widths.append((both.high - both.low) / (alone.high - alone.low))
    assert held >= 25  # 28 of 30 expected; fewer than 25 has a chance below 1 in 100, and the seeds stand
    assert np.mean(widths) < 0.95


def test_probabilities_that_say_nothing_do_no_harm():
    random = np.random.default_rng(3)
    labels, _ = world(3000, random)
    useless = random.dirichlet(np.ones(3), 3000)
    drawn = random.random(3000) < 0.1
    few = np.full(drawn.sum(), 0.1)
    both = powered(labels[drawn], useless[drawn], few, useless)
    alone = performance_estimation.measured(labels[drawn], useless[drawn], few, rounds=400)
    assert both.value == pytest.approx(alone.value, abs=0.03)
    assert both.high - both.low < 1.15 * (alone.high - alone.low)


def test_accuracy_is_a_figure_as_well():
    random = np.random.default_rng(4)
    labels, proba = world(5000, random)
    right = float((proba.argmax(axis=1) == labels).mean())
    drawn = random.random(5000) < 0.1
    found = powered(labels[drawn], proba[drawn], np.full(drawn.sum(), 0.1), proba, figure=accuracy)
    assert found.low < right < found.high
    assert found.rows == drawn.sum()
