"""How often the promotion watch rolls back an equal champion where the stream has other classes than the holdout."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from sentiment_lib.evaluation.promotion_watch import WORSE, monitor_promotion
from sentiment_lib.policy import PromotionWatchPolicy
from sentiment_lib.statistics.label_shift import shift_classes
from sentiment_lib.statistics.metrics import Floats, Ints, confusion_matrix

#: Class shares of the holdout, as in a data set of tweets to airlines.
HOLDOUT = np.array([0.63, 0.21, 0.16])
#: Predictions of the previous champion by true label.
PREVIOUS = np.array([[0.85, 0.10, 0.05], [0.25, 0.60, 0.15], [0.12, 0.13, 0.75]])
#: Points of recall by which the new champion differs; its false alarms make its F1 on the stream the same.
RECALL = (0.08, -0.08)
SHARES = (0.2, 0.35, 0.63)
HOLDOUT_ROWS, STREAM_ROWS, LABELS = 1000, 3000, 1500


def equal_f1(live: Floats, recall: float) -> Floats:
    """Predictions by true label of a model with other errors and the F1 of PREVIOUS on this stream."""

    def at(alarms: float) -> Floats:
        hits = [0.85 + recall, 0.10 - 0.7 * recall, 0.05 - 0.3 * recall]
        neutral = [0.25 + alarms, 0.60 - 0.8 * alarms, 0.15 - 0.2 * alarms]
        positive = [0.12 + 0.5 * alarms, 0.13, 0.75 - 0.5 * alarms]
        return np.array([hits, neutral, positive])

    found = brentq(lambda alarms: _f1(live, at(alarms)) - _f1(live, PREVIOUS), -0.24, 0.5)
    return at(float(found))


def _f1(shares: Floats, by_class: Floats) -> float:
    hits = shares[0] * by_class[0, 0]
    return float(2 * hits / (shares[0] + shares @ by_class[:, 0]))


def is_rolled_back(number: int, negative: float) -> bool:
    """Whether the watch calls an equal champion worse on a stream with this share of negative tweets."""
    rng = np.random.default_rng([11, number, round(100 * negative)])
    live = np.array([negative, 0.57 * (1 - negative), 0.43 * (1 - negative)])
    new = equal_f1(live, RECALL[number % 2])
    held = rng.choice(3, size=HOLDOUT_ROWS, p=HOLDOUT)
    before = _predict(rng.choice(3, size=STREAM_ROWS, p=live), PREVIOUS, rng)
    labels = rng.choice(3, size=LABELS, p=live)
    reference = confusion_matrix(held, _predict(held, PREVIOUS, rng))
    verdict = monitor_promotion(
        labels,
        _predict(labels, PREVIOUS, rng),
        _predict(labels, new, rng),
        reference=shift_classes(reference, np.bincount(before, minlength=3)),
        policy=PromotionWatchPolicy(),
    )
    return verdict.verdict == WORSE


def _predict(labels: Ints, by_class: Floats, rng: np.random.Generator) -> Ints:
    return np.asarray((rng.random(labels.size)[:, None] > by_class.cumsum(axis=1)[labels]).sum(axis=1).clip(0, 2))
