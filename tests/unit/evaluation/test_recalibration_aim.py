"""The aim of a recalibration: better calibrated, and no worse; evidence without one has no trace of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sentiment_lib.console import verdict
from sentiment_lib.evaluation import aims
from sentiment_lib.evaluation.comparison import Comparison, Terms, compare
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer

POLICY = GatePolicy(bootstrap_rounds=500)
TERMS = Terms(margin=POLICY.refresh_margin, guards_at_level=True, margin_tests=True, calibration=True)


@pytest.fixture(scope="module")
def world():
    """Labels, probabilities that claim too much, and the honest ones, with the same predictions."""
    random = np.random.default_rng(1)
    honest = random.dirichlet([1.0, 0.7, 0.5], size=900)
    labels = (honest.cumsum(axis=1) < random.random((900, 1))).sum(axis=1).clip(0, 2)
    boast = honest**2.5
    return labels, boast / boast.sum(axis=1, keepdims=True), honest


def decided(labels, old, new):
    compared = compare(labels, old, new, policy=POLICY, level=0.02, terms=TERMS)
    answer, rules = decide(compared, POLICY, aim=aims.recalibration(POLICY))
    return compared, answer, rules


def test_an_honest_layer_without_other_predictions_is_promoted_and_told_as_what_it_is(world):
    compared, answer, rules = decided(*world)
    assert answer is Answer.PROMOTE
    assert {rule.rule: rule.verdict for rule in rules}["calibration gain"] == "pass"
    assert verdict.headline(answer, compared) == "Better calibrated than the champion, and not worse: promote it"
    told = verdict.sentence(SimpleNamespace(comparison=compared, rows=900), verdict.rule_groups(rules, compared))
    assert "; the calibration error from 21.1 to 1.8 points" in told


def test_a_layer_that_claims_more_or_changes_nothing_is_not_promoted(world):
    labels, boast, honest = world
    for old, new in ((honest, boast), (boast, boast)):
        _, answer, rules = decided(labels, old, new)
        assert answer is not Answer.PROMOTE
        assert {rule.rule: rule.verdict for rule in rules}["calibration gain"] == "hold"


def test_the_comparison_is_recorded_with_the_gain_and_without_a_key_where_there_is_none(world):
    compared, _, _ = decided(*world)
    assert Comparison.from_dict(compared.as_dict()) == compared
    plain = compare(*world, policy=POLICY, level=0.02)
    assert "calibration" not in plain.as_dict()
    assert verdict.headline(Answer.PROMOTE, plain) == "Better than the champion: promote it"
