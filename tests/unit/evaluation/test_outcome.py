"""What followed a decision: the gain on later labels, its interval, and the loss of either choice."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.evaluation.outcome import compare_costs, measure_realised_gain, rows_of_cells
from sentiment_lib.policy import PricePolicy
from sentiment_lib.statistics import paired_counts

PRICES = PricePolicy(missed_negative=4.0, false_alarm=1.0)


def draw(rows, seed, better=0.1):
    """Labels, and two models of which the second answers `better` of the first one's errors correctly."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, rows, p=[0.6, 0.2, 0.2])
    old = np.where(rng.random(rows) < 0.7, labels, (labels + rng.integers(1, 3, rows)) % 3)
    redrawn = rng.random(rows) < 0.25
    again = np.where(rng.random(rows) < 0.7 + better, labels, (labels + rng.integers(1, 3, rows)) % 3)
    return labels, old, np.where(redrawn, again, old)


def realised(rows, inclusion=None, **more):
    weights = np.full(rows[0].size, 0.02) if inclusion is None else inclusion
    return measure_realised_gain(*rows, weights, metric="negative_f1", prices=PRICES, **more)


def test_the_interval_contains_the_true_gain_and_cost():
    population = draw(400_000, 1)
    truth = float(paired_counts.difference(paired_counts.count_pairs(*population), "negative_f1"))
    cost = compare_costs(*population, np.ones(400_000), PRICES).difference
    found = [realised(draw(300, seed)) for seed in range(2, 62)]
    assert 53 <= sum(one.low <= truth <= one.high for one in found) <= 60
    assert 53 <= sum(one.cost.low <= cost <= one.cost.high for one in found) <= 60


def test_labels_drawn_less_often_weigh_more():
    first, second = draw(200, 3, better=0.3), draw(200, 4, better=-0.3)
    rows = tuple(np.concatenate(pair) for pair in zip(first, second, strict=True))
    inclusion = np.repeat([0.02, 0.2], 200)
    assert realised(rows, inclusion).gain > realised(rows).gain > realised(rows, inclusion[::-1]).gain


@pytest.mark.parametrize(("rows", "better"), [(99, 0.1), (0, 0.1)])
def test_too_few_labels_give_no_estimate(rows, better):
    found = realised(draw(rows, 5, better))
    assert (found.labels, found.gain, found.cost) == (rows, None, None)


def test_versions_that_hardly_differ_give_no_estimate():
    labels, old, _ = draw(500, 6)
    new = old.copy()
    new[:9] = (old[:9] + 1) % 3
    assert realised((labels, old, new)).gain is None


def test_the_expected_losses_differ_by_the_cost_and_vanish_for_the_sure_choice():
    labels, old, new = draw(5000, 7, better=0.3)
    cost = compare_costs(labels, old, new, np.ones(5000), PRICES)
    assert cost.difference < cost.high < 0
    assert cost.promoting - cost.waiting == pytest.approx(cost.difference)
    assert cost.promoting < 0.01 < cost.waiting
    # 3 missed negatives and 2 false alarms fewer in 10 tweets
    exact = compare_costs(
        np.array([0] * 5 + [1] * 5),
        np.array([1, 1, 1, 0, 0, 0, 0, 1, 1, 1]),
        np.repeat([0, 1], 5),
        np.ones(10),
        PRICES,
    )
    assert exact.difference == pytest.approx(-1000 * (3 * 4 + 2 * 1) / 10)


def test_cells_become_rows_again():
    labels, old, new = draw(300, 8)
    cells = paired_counts.count_pairs(labels, old, new)
    assert np.array_equal(paired_counts.count_pairs(*rows_of_cells(cells)), cells)
