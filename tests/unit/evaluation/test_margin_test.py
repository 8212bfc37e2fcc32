"""A loss of the margin is tested with the rows that such a loss consists of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from sentiment_lib.evaluation import aims
from sentiment_lib.evaluation.comparison import Terms, compare
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.evaluation.judgement_methods import NEWEST, THIRD
from sentiment_lib.evaluation.margin_test import losing_counts, margin_test
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer
from sentiment_lib.statistics import paired_counts

POLICY = GatePolicy()
LEVEL = 0.0053  # of the first look on 150 rows
AIMS = {
    "refresh": aims.Aim(kind=aims.REFRESH, margin=POLICY.refresh_margin),
    "recalibration": aims.recalibration(POLICY),
}


def counts(**differing):
    """150 rows on which the models agree but for the given cells (label, champion, candidate)."""
    cube = np.zeros((3, 3, 3), dtype=np.int64)
    for cell, rows in {"000": 83, "011": 11, "100": 9, "111": 22, "211": 6, "222": 19}.items():
        cube[tuple(map(int, cell))] = rows
    for cell, rows in differing.items():
        label, champion, candidate = map(int, cell.removeprefix("c"))
        cube[label, champion, candidate] += rows
        cube[label, champion, champion] -= rows
    return cube


def judged(cube, *, tested=True, policy=POLICY, **given):
    label, champion, candidate = (np.repeat(axis.reshape(-1), cube.reshape(-1)) for axis in np.indices(cube.shape))
    terms = Terms.of(given.get("aim", aims.SUPERIORITY), policy, NEWEST if tested else THIRD)
    proba = [0.1 + 0.7 * np.eye(3)[model] for model in (champion, candidate)]
    compared = compare(label, *proba, policy=policy, level=LEVEL, terms=terms)
    answer, rules = decide(compared, policy, **({} if tested else {"method": THIRD}), **given)
    return answer, {rule.rule: rule for rule in rules}, compared


def test_three_rows_in_favour_and_none_against_do_not_rule_out_a_loss_of_a_point():
    answer, rules, compared = judged(counts(c010=2, c101=1), aim=AIMS["refresh"])
    assert answer is Answer.HOLD
    assert rules["benefit"].verdict == "hold"
    assert 0.01 < compared.main.p_value < 0.05
    # the spread of three rows alone made it a promotion, and asked for fewer rows than there were
    assert judged(counts(c010=2, c101=1), aim=AIMS["refresh"], tested=False)[1]["benefit"].verdict == "pass"
    assert compared.labels_needed["observed"] > compared.rows


def test_a_guard_without_a_row_against_it_is_not_shown_to_hold_on_few_rows():
    gain = counts(c101=8)
    before, now = (judged(gain, tested=newest)[1]["not worse: negative_recall"] for newest in (False, True))
    assert (before.verdict, now.verdict) == ("pass", "hold")
    assert "worse by 3.0 or more: p 0.05" in now.reason
    answer, rules, _ = judged(gain * 10)
    assert answer is Answer.PROMOTE
    assert rules["not worse: negative_recall"].verdict == "pass"
    anything = POLICY.model_copy(update={"non_inferiority": 1.0})
    assert judged(gain, policy=anything)[1]["not worse: negative_recall"].verdict == "pass"


def test_a_recalibration_that_changes_no_answer_is_shown_to_lose_no_point_by_enough_rows():
    for rows, verdict in ((1, "hold"), (5, "pass")):
        assert judged(counts() * rows, aim=AIMS["recalibration"])[1]["benefit"].verdict == verdict


def test_the_null_loses_exactly_the_margin_and_its_p_value_is_that_of_the_binomial_tail():
    cube = counts()
    null = losing_counts(cube, "negative_recall", 0.03)
    assert paired_counts.difference(null, "negative_recall") == pytest.approx(-0.03)
    found = margin_test(cube, "negative_recall", margin=0.03, rounds=200, rng=np.random.default_rng(0))
    lost = 0.03 * cube[0].sum() / cube.sum()
    assert found.p_value == pytest.approx(binom.pmf(0, cube.sum(), lost), rel=0.02)


def test_p_values_far_below_one_in_the_rounds_are_those_of_the_tail():
    cube, rng = counts(c010=6), np.random.default_rng(1)
    null = losing_counts(cube, "accuracy", 0.03)
    plain = rng.multinomial(150, null.reshape(-1) / 150, size=200_000).reshape(-1, 3, 3, 3)
    reached = paired_counts.difference(plain, "accuracy") >= paired_counts.difference(cube, "accuracy") - 1e-12
    found = margin_test(cube, "accuracy", margin=0.03, rounds=500, rng=rng)
    assert 3e-4 < reached.mean() < 9e-4
    assert found.p_value == pytest.approx(reached.mean(), rel=0.25)


def test_where_the_rows_have_no_room_for_the_loss_nothing_is_shown():
    cube = np.zeros((3, 3, 3), dtype=np.int64)
    cube[1, 1, 1] = 50
    found = margin_test(cube, "negative_recall", margin=0.03, rounds=100, rng=np.random.default_rng(0))
    assert (found.p_value, found.row_deviation) == (1.0, None)
