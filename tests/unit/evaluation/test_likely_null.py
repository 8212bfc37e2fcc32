"""A candidate that trades hits of a rare class for false alarms is no better, though few rows may hide the hits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from sentiment_lib.evaluation import aims
from sentiment_lib.evaluation.comparison import Terms, compare
from sentiment_lib.evaluation.judgement_methods import NEWEST, SIXTH
from sentiment_lib.evaluation.likely_null import likely_counts
from sentiment_lib.evaluation.margin_test import likely_p_value
from sentiment_lib.evaluation.significance import permutation_p_value
from sentiment_lib.policy import GatePolicy
from sentiment_lib.statistics import paired_counts
from tests.unit.evaluation.test_margin_test import counts

LEVEL, ROWS = 0.01, 300


def trade(fixed, lost=0.006):
    """Shares of rows (3, 3, 3): positive is rare and the champion says it too often; the candidate drops `fixed`."""
    shares = np.zeros((3, 3, 3))
    shares[2, 2, 2], shares[2, 2, 0], shares[2, 0, 0] = 0.035 - lost, lost, 0.015
    shares[0, 2, 0], shares[0, 2, 2], shares[0, 0, 0] = fixed, 0.1 - fixed, 0.45
    shares[1, 1, 1], shares[1, 0, 0] = 0.3, 0.1
    return shares / shares.sum()


@pytest.fixture(scope="module")
def equal():
    """Shares of rows of two models with the same macro-F1."""
    fixed = brentq(lambda fixed: float(paired_counts.difference(trade(fixed), "macro_f1")), 0.0, 0.1)
    return trade(fixed)


@pytest.mark.parametrize("metric", ["macro_f1", "negative_f1", "accuracy", "negative_recall"])
@pytest.mark.parametrize("margin", [0.0, 0.01, 0.03])
def test_the_null_has_the_loss_and_as_many_rows(metric, margin):
    cube = counts(c010=6, c101=2, c212=1)
    null = likely_counts(cube, metric, margin)
    assert null.sum() == pytest.approx(cube.sum())
    assert (null >= 0).all()
    assert paired_counts.difference(null, metric) == pytest.approx(-margin, abs=1e-9)


def test_rows_of_the_costliest_kind_are_added_where_the_sample_has_none_against_the_candidate():
    cube = counts(c010=6)
    null = likely_counts(cube, "accuracy", 0.02)
    against = null * (cube == 0)
    assert against.sum() > 3
    assert np.count_nonzero(against) == 1


def test_a_loss_that_was_seen_already_is_not_ruled_out():
    cube = counts(c001=8)
    assert likely_counts(cube, "accuracy", 0.01) is None
    assert likely_p_value(cube, "accuracy", margin=0.01, rounds=100, rng=np.random.default_rng(0)) == 1.0


def test_hits_given_up_for_false_alarms_pass_no_more_often_than_the_level_says(equal):
    rng, passed, swapped = np.random.default_rng(5), 0, 0
    for cube in rng.multinomial(ROWS, equal.reshape(-1), size=400).reshape(-1, 3, 3, 3):
        if paired_counts.difference(cube, "macro_f1") <= 0.02:  # far from the level
            continue
        swapped += permutation_p_value(cube, "macro_f1", rounds=500, rng=rng) <= LEVEL
        passed += likely_p_value(cube, "macro_f1", margin=0.0, rounds=500, rng=rng) <= LEVEL
    assert passed <= 10
    assert swapped > 3 * max(passed, 1), "what the test is for"


def test_the_gate_tests_the_main_metric_so_and_earlier_methods_as_they_did():
    cube = np.rint(trade(0.03, lost=0.0) * ROWS).astype(np.int64)
    policy = GatePolicy(main_metric="macro_f1")
    label, champion, candidate = (np.repeat(axis.reshape(-1), cube.reshape(-1)) for axis in np.indices(cube.shape))
    proba = [0.1 + 0.7 * np.eye(3)[model] for model in (champion, candidate)]
    before, now = (
        compare(label, *proba, policy=policy, level=LEVEL, terms=Terms.of(aims.SUPERIORITY, policy, method))
        for method in (SIXTH, NEWEST)
    )
    assert before.main.p_value < LEVEL < now.main.p_value
