from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from sentiment_lib.evaluation import reason_versions
from sentiment_lib.evaluation.comparison import compare
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.policy import GatePolicy

POLICY = GatePolicy(bootstrap_rounds=200, maximum_memory_mb=2000)


@pytest.fixture
def rules(dice):
    labels, champion, candidate = dice(300, 0.45, 0.75)
    compared = compare(labels, champion, candidate, slices={"half": np.arange(300) < 150}, policy=POLICY)
    cost = Cost(p99_ms=15.44, memory_mb=413.2, artefact_mb=0.407)
    _, found = decide(compared, POLICY, cost=cost)
    return found


def test_the_first_wording_is_what_decisions_were_recorded_with(rules):
    told = {rule.rule: rule.reason for rule in reason_versions.apply_version(rules, reason_versions.FIRST)}
    assert told["holdout rows"] == "300 of 100 rows"
    assert told["cost: p99 latency"] == "15.4 ms of 250"
    assert told["cost: memory"] == "413 MB of 2e+03"
    assert told["cost: artefact size"] == "0.407 MB of 1e+03"


def test_only_reasons_differ_between_wordings(rules):
    first = reason_versions.apply_version(rules, reason_versions.FIRST)
    unworded = [[{**asdict(rule), "reason": ""} for rule in one] for one in (rules, first)]
    assert unworded[0] == unworded[1]
    assert reason_versions.apply_version(rules, reason_versions.NEWEST) == rules
    assert "413 MB of 2000" in {rule.reason for rule in rules}


def test_recorded_rules_tell_their_wording(rules):
    for one in (reason_versions.FIRST, reason_versions.NEWEST):
        assert reason_versions.detect_version(list(map(asdict, reason_versions.apply_version(rules, one)))) == one
