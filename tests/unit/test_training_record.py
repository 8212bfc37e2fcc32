"""A training record comes back from its JSON as it was, and JSON of before a key existed is read."""

from __future__ import annotations

import json

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.training_record import (
    SearchRecord,
    TrainingInputs,
    TrainingRecord,
    UnlabelledTweets,
    VersionReference,
)

SPEC = {"family": "bert", "seed": 3, "options": {"epochs": 2}, "snapshot_hash": "f" * 64}
SEARCH = SearchRecord(
    requested_trials=4,
    fixed_options={},
    found={"epochs": 2},
    winner=1,
    configurations=4,
    trials=7,
    failed=0,
    rungs=(100, 400),
    complete=2,
    gain=0.1,
    gain_needed=0.01,
    stopped=None,
    cpu_seconds=1.5,
    run_id="r",
)


def test_a_record_survives_json():
    inputs = TrainingInputs(
        start=VersionReference(version=7, digest="a"),
        teacher=VersionReference(version=5, digest="b"),
        unlabelled=UnlabelledTweets(before="2026-01-01", collected="2026-01-02", limit=10, rows=3, sha256="c"),
    )
    record = TrainingRecord(**SPEC, inputs=inputs, environment={"python": "3.11"}, revision="r", search=SEARCH)
    assert TrainingRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert record.inputs.parents == (7, 5)


def test_what_a_training_does_not_have_is_absent():
    body = TrainingRecord(**SPEC, revision="r").to_json()
    assert body == {**SPEC, "inputs": {}, "environment": {}, "revision": "r"}
    assert TrainingRecord.from_json(SPEC).inputs == TrainingInputs()


def test_a_record_without_its_family_is_refused():
    with pytest.raises(BadInput, match="family"):
        TrainingRecord.from_json({"seed": 0, "options": {}, "snapshot_hash": None})
    with pytest.raises(BadInput, match="options"):
        TrainingRecord.from_json({"family": "bert", "seed": 0, "snapshot_hash": None})


def test_older_names_of_options_and_search_fields_are_read():
    options = {
        "strength": 0.4,
        "taught": 0.5,
        "adapt": 1,
        "looks": 2,
        "words_left_out": 0.1,
        "interval": 50,
        "min_df": 2,
    }
    search = {**vars(SEARCH), "asked": 6, "ordered": {"strength": 0.4}, "found": {"words_left_out": 0.2}}
    del search["requested_trials"], search["fixed_options"]
    record = TrainingRecord.from_json({**SPEC, "options": options, "search": search})
    assert record.options == {
        "c": 0.4,
        "distillation": 0.5,
        "pretrain_epochs": 1,
        "evaluations_per_epoch": 2,
        "token_dropout": 0.1,
        "checkpoint_every": 50,
        "min_df": 2,
    }
    assert record.search is not None
    assert (record.search.requested_trials, record.search.fixed_options) == (6, {"c": 0.4})
    assert record.search.found == {"token_dropout": 0.2}


def test_older_names_are_read_in_the_options_of_the_members_of_a_stack():
    members = {"tfidf_logreg": {"strength": 0.4}, "minilm": {"adapt": 1}}
    record = TrainingRecord.from_json({**SPEC, "options": {"folds": 3, "member_options": members}})
    assert record.options == {
        "folds": 3,
        "member_options": {"tfidf_logreg": {"c": 0.4}, "minilm": {"pretrain_epochs": 1}},
    }
