import json
from dataclasses import replace

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.evidence_record import Evidence, HyperparameterSearch
from sentiment_lib.statistics.metrics import confusion_matrix


def test_recorded_evidence_is_written_again_byte_for_byte(evidence):
    recorded = evidence.to_json()
    again = Evidence.from_json(recorded)
    assert again.to_json() == recorded
    assert again.rules == Evidence.from_json(recorded).rules
    assert again.comparison.slices[1].difference is None


def test_keys_without_content_are_left_out_of_the_json_and_come_back_where_there_is_some(evidence):
    assert set(json.loads(evidence.to_json())["candidate"]) == {"version", "family", "digest"}
    search = HyperparameterSearch(configurations=8, trials=20, found={"c": 3.0})
    told = replace(evidence, candidate=replace(evidence.candidate, ancestors=(5, 1), search=search))
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
