"""Parity of an int8 graph with single precision."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lib.families.onnx.parity import MIN_ROWS, compare

EYE = np.eye(3)


def rows(count, seed=0):
    """Labels, and answers of which four of five are right."""
    draw = np.random.default_rng(seed)
    truth = draw.choice(3, count, p=[0.6, 0.25, 0.15])
    return truth, np.where(draw.random(count) < 0.8, truth, draw.choice(3, count))


def changed(answers, where, to):
    found = answers.copy()
    found[where] = to
    return found


def test_the_same_answers_lose_nothing():
    truth, answers = rows(1000)
    found = compare(EYE[answers], EYE[answers], truth)
    assert (found.same_labels, found.macro_f1_lost, found.standard_error, found.holds) == (1, 0, 0, True)


def test_what_is_lost_is_scikit_learns_difference_of_macro_f1():
    from sklearn.metrics import f1_score

    truth, answers = rows(800)
    other = changed(answers, slice(0, 20), 1)
    found = compare(EYE[answers], EYE[other], truth)
    expected = f1_score(truth, answers, average="macro") - f1_score(truth, other, average="macro")
    assert found.macro_f1_lost == pytest.approx(expected)
    assert found.notes["int8_macro_f1_lost"] == round(expected, 4)


def test_too_many_other_labels_are_no_parity_though_nothing_is_lost():
    truth, answers = rows(1000)
    wrong = np.flatnonzero(answers != truth)[:31]
    found = compare(EYE[answers], EYE[changed(answers, wrong, (answers[wrong] + 1) % 3)], truth)
    assert found.same_labels == 0.969
    assert not found.holds


def test_right_answers_that_turn_wrong_one_way_are_no_parity_though_they_are_few():
    truth, answers = rows(1000)
    right = np.flatnonzero((answers == truth) & (truth == 2))[:15]
    found = compare(EYE[answers], EYE[changed(answers, right, 0)], truth)
    assert found.same_labels == 0.985
    assert found.macro_f1_lost > 0.015
    assert not found.holds


def test_a_loss_within_luck_is_borne():
    truth, answers = rows(MIN_ROWS)
    one = np.flatnonzero((answers == truth) & (truth == 2))[:2]
    found = compare(EYE[answers], EYE[changed(answers, one, 0)], truth)
    assert found.macro_f1_lost > 0.005
    assert found.macro_f1_lost - found.standard_error <= 0.005
    assert found.holds


def test_of_few_rows_there_is_no_word_on_what_is_lost():
    truth, answers = rows(MIN_ROWS - 1)
    found = compare(EYE[answers], EYE[answers], truth)
    assert (found.rows, found.macro_f1_lost, found.standard_error, found.holds) == (MIN_ROWS - 1, None, None, True)
