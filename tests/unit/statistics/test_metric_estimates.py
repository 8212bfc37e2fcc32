"""Intervals hold the true figure about as often as they say."""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.metric_estimates import metrics_with_intervals
from sentiment_lib.statistics.metrics import classification_metrics


def world(rows, seed):
    """Probabilities that are honest, and labels drawn from them."""
    draw = np.random.default_rng(seed)
    proba = draw.dirichlet([1.0, 1.0, 1.0], size=rows)
    return (proba.cumsum(axis=1) < draw.random((rows, 1))).sum(axis=1).clip(0, 2), proba


def test_the_middle_is_the_figure_itself_and_the_bounds_lie_about_it():
    labels, proba = world(800, 1)
    found = metrics_with_intervals(labels, proba)
    assert {name: value[0] for name, value in found.items()} == classification_metrics(labels, proba)
    assert all(low <= value <= high for name, (value, low, high) in found.items() if name != "calibration_error")
    assert found["calibration_error"][1:] == (None, None)


def test_the_same_seed_gives_the_same_interval():
    labels, proba = world(200, 2)
    assert metrics_with_intervals(labels, proba) == metrics_with_intervals(labels, proba)


def test_the_true_figure_is_outside_about_as_seldom_as_promised():
    labels, proba = world(200_000, 3)
    true = classification_metrics(labels, proba)["macro_f1"]
    inside = 0
    for turn in range(100):
        rows = slice(turn * 400, (turn + 1) * 400)
        _, low, high = metrics_with_intervals(labels[rows], proba[rows])["macro_f1"]
        inside += low <= true <= high
    assert 88 <= inside <= 100
