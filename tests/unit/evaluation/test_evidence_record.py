import json
from dataclasses import replace

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import checklist, data_checks
from sentiment_lib.evaluation.comparison import compare
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.evaluation.evidence_record import EvaluatedVersion, Evidence, HyperparameterSearch
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.policy import GatePolicy
from sentiment_lib.statistics.metrics import confusion_matrix

POLICY = GatePolicy(bootstrap_rounds=200)
CANDIDATE = EvaluatedVersion(version=7, family="tfidf_logreg", digest="b" * 64)
CHAMPION = EvaluatedVersion(version=3, family="vader", digest="a" * 64)


@pytest.fixture
def models(dice):
    return dice(400, 0.6, 0.75)


@pytest.fixture
def evidence(models):
    labels, champion, candidate = models
    compared = compare(
        labels,
        champion,
        candidate,
        slices={"airline <b>|x": np.arange(400) < 200, "few": np.arange(400) < 9},
        policy=POLICY,
    )
    verdict, rules = decide(compared, POLICY)
    return Evidence(
        snapshot_id=2,
        snapshot_hash="c" * 64,
        candidate=CANDIDATE,
        champion=CHAMPION,
        rows=400,
        excluded_rows=3,
        looks_before=1,
        comparison=compared,
        checklist=checklist.run(lambda texts: np.full((len(texts), 3), 1 / 3)),
        cost=Cost(p99_ms=3.5, memory_mb=120.0),
        data_checks=data_checks.check(["one", "two"], [0, 1], ["three"], [0]),
        policy=POLICY.model_dump(mode="json"),
        verdict=verdict,
        rules=rules,
    )


def test_recorded_evidence_is_written_again_byte_for_byte(evidence):
    recorded = evidence.to_json()
    again = Evidence.from_json(recorded)
    assert again.to_json() == recorded
    assert again.rules == Evidence.from_json(recorded).rules
    assert again.comparison.slices[1].difference is None


def test_keys_without_content_are_left_out_of_the_json_and_come_back_where_there_is_some(evidence):
    assert set(json.loads(evidence.to_json())["candidate"]) == {"version", "family", "digest"}
    search = HyperparameterSearch(configurations=8, trials=20, found={"c": 3.0})
    told = replace(evidence, candidate=replace(CANDIDATE, ancestors=(5, 1), search=search))
    body = json.loads(told.to_json())["candidate"]
    assert body["learned_from_versions"] == [5, 1]
    assert body["search"] == {"configurations": 8, "trials": 20, "found": {"c": 3.0}}
    assert Evidence.from_json(told.to_json()).candidate == told.candidate


def test_the_confusion_matrices_are_those_of_the_two_models_on_the_holdout(evidence, models):
    labels, champion, candidate = models
    assert (evidence.champion_confusion == confusion_matrix(labels, champion.argmax(axis=1))).all()
    assert (evidence.candidate_confusion == confusion_matrix(labels, candidate.argmax(axis=1))).all()
    assert evidence.metric == "negative_f1"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"snapshot": 1}'])
def test_a_text_that_is_no_evidence_is_refused(text):
    with pytest.raises(BadInput, match="evidence"):
        Evidence.from_json(text)
