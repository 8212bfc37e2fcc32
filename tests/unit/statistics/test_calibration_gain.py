"""The test of a calibration gain keeps its level, and finds what an honest layer gains."""

from __future__ import annotations

import numpy as np

from sentiment_lib.statistics.calibration_gain import measure_calibration_gain


def world(rows, seed):
    random = np.random.default_rng(seed)
    honest = random.dirichlet([1.0, 0.7, 0.5], size=rows)
    labels = (honest.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(0, 2)
    return labels, honest


def sharpened(proba, power):
    scaled = proba**power
    return scaled / scaled.sum(axis=1, keepdims=True)


def gain(labels, old, new, seed=0):
    return measure_calibration_gain(labels, old, new, level=0.05, rounds=400, rng=np.random.default_rng(seed))


def passes(found):
    return found.p_value <= 0.05 and found.low > 0


def test_an_honest_layer_is_found_and_its_loss_is_not_a_gain():
    found, reverse = [], []
    for seed in range(20):
        labels, honest = world(600, seed)
        boast = sharpened(honest, 2.0)
        found.append(passes(gain(labels, boast, honest, seed)))
        reverse.append(passes(gain(labels, honest, boast, seed)))
    assert sum(found) >= 18
    assert not any(reverse)


def test_equally_bad_models_pass_as_rarely_as_the_level_says():
    wrong = 0
    for seed in range(120):
        labels, honest = world(400, seed)
        noise = np.random.default_rng(seed + 1000).normal(0, 0.3, (2, *honest.shape))
        old, new = (sharpened(honest * np.exp(part) / (honest * np.exp(part)).sum(1, keepdims=True), 1.8)
                    for part in noise)  # fmt: skip
        wrong += passes(gain(labels, old, new, seed))
    assert wrong <= 11  # 6 of 120 expected at most; 12 or more have a chance of 2 %


def test_the_same_model_gains_nothing():
    labels, honest = world(300, 1)
    found = gain(labels, honest, honest)
    assert (found.decrease, found.low, found.p_value) == (0.0, 0.0, 1.0)
