"""Two models on new tweets: only rows on which they differ need labels, and the gain is that of all rows."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.evaluation.shadow_comparison import UNKNOWN, compare_in_shadow
from sentiment_lib.statistics.metrics import confusion_matrix


def world(rows=4000, seed=3):
    """Labels, and two models of which the second is right more often."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=rows)

    def model(right):
        says = np.where(rng.random(rows) < right, labels, rng.integers(3, size=rows))
        return np.full((rows, 3), 0.1) + 0.7 * np.eye(3)[says]

    return labels, model(0.6), model(0.75)


def judged(labels, told, champion, candidate):
    reference = confusion_matrix(labels, champion.argmax(axis=1))
    known = np.where(told, labels, UNKNOWN)
    return compare_in_shadow(known, champion, candidate, reference=reference, metric="accuracy")


def test_a_few_labels_where_they_differ_give_the_gain_on_all_rows():
    labels, champion, candidate = world()
    differ = champion.argmax(axis=1) != candidate.argmax(axis=1)
    truth = float((candidate.argmax(axis=1) == labels).mean() - (champion.argmax(axis=1) == labels).mean())
    covered = 0
    for draw in range(60):
        told = differ & (np.random.default_rng(draw).random(labels.size) < 0.15)
        found = judged(labels, told, champion, candidate)
        covered += found.low <= truth <= found.high
        assert found.labelled == told.sum()
    assert covered >= 53
    assert found.gain == pytest.approx(truth, abs=0.06)
    assert found.candidate_right > found.champion_right


def test_labels_where_they_agree_add_nothing():
    labels, champion, candidate = world()
    differ = champion.argmax(axis=1) != candidate.argmax(axis=1)
    some = differ & (np.random.default_rng(1).random(labels.size) < 0.2)
    assert judged(labels, some, champion, candidate) == judged(labels, some | ~differ, champion, candidate)


def test_with_too_few_labels_there_is_no_word_on_the_gain():
    labels, champion, candidate = world(rows=200)
    found = judged(labels, np.zeros(200, dtype=bool), champion, candidate)
    assert (found.labelled, found.gain, found.low) == (0, None, None)
    assert found.differ > 50
