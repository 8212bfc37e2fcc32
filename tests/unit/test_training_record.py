"""A training record comes back from its JSON as it was, and JSON of before a key existed is read."""

from __future__ import annotations

import json

import pytest

from sentiment_lib.training_record import (
    SearchRecord,
    TrainingInputs,
    TrainingRecord,
    UnlabelledTweets,
    VersionReference,
)

SPEC = {"family": "bert", "seed": 3, "options": {"epochs": 2}, "snapshot_hash": "f" * 64}
SEARCH = SearchRecord(
    asked=4,
    ordered={},
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
    with pytest.raises(TypeError, match="family"):
        TrainingRecord.from_json({"seed": 0, "options": {}, "snapshot_hash": None})
