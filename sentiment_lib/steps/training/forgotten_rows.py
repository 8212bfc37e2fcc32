"""Whether what a training read is still there: a version that learned from a tweet forgotten meanwhile is not kept."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from sentiment_lib.records import Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training.inputs import load_inputs
from sentiment_lib.storage import snapshots, version_erasures
from sentiment_lib.storage.engine import Store
from sentiment_lib.training_record import TrainingInputs, TrainingRecord


def is_current(store: Store, settings: Settings, record: TrainingRecord, snapshot: Snapshot | None) -> bool:
    """Whether rows, parents and unlabelled tweets of a training are all still there."""
    with store.begin() as connection:
        if not has_all_rows(connection, record, snapshot):
            return False
    query = record.inputs.unlabelled
    if query is None or query.sha256 is None:
        return True
    again = load_inputs(store, settings, TrainingInputs(unlabelled=replace(query, rows=None, sha256=None)))
    assert again.record.unlabelled is not None
    return again.record.unlabelled.sha256 == query.sha256


def has_all_rows(connection: Connection, record: TrainingRecord, snapshot: Snapshot | None) -> bool:
    """Whether no training row of the snapshot was erased since, and no parent learned from a forgotten tweet."""
    if snapshot is None:
        return True
    if record.rows is not None and snapshots.count_left(connection, snapshot.snapshot_id, "train") != record.rows:
        return False
    return not version_erasures.named(connection, record.inputs.parents)
