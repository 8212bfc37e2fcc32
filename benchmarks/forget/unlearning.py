"""Exact unlearning: each deterministic family trained without what was forgotten, and on data that never had it."""

from __future__ import annotations

from typing import Any

from benchmarks.forget import planted
from sentiment_lib.errors import SentimentError
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.families import catalog
from sentiment_lib.records import ModelVersion, Snapshot
from sentiment_lib.steps.training import snapshot_files, train
from sentiment_lib.storage import model_versions, snapshot_chunks, snapshots, version_erasures
from sentiment_lib.storage.engine import lock
from sentiment_lib.training_record import TrainingOrder


def families() -> list[str]:
    """Families that learn and whose trainings do not differ in their last digits."""
    return [
        name
        for name, family in catalog.CATALOG.items()
        if name not in ("vader", "textblob") and not family.fine_tunes({})
    ]


def train_all(
    made: planted.Installation, snapshot_id: int, names: list[str]
) -> tuple[dict[str, ModelVersion], dict[str, str]]:
    """Family -> version, and family -> why it cannot be trained here."""
    trained, refused = {}, {}
    for family in names:
        try:
            order = TrainingOrder(snapshot_id=snapshot_id, family=family, run_key=f"unlearning/{snapshot_id}")
            trained[family] = train.run(made.store, made.settings, order)
        except SentimentError as error:
            refused[family] = str(error)
    return trained, refused


def without(made: planted.Installation, snapshot: Snapshot, lost: set[int]) -> Snapshot:
    """The same labelled tweets in a snapshot that never had the lost ones."""
    rows = snapshot_files.read(made.store, made.settings, snapshot)
    rows = rows[~rows["tweet_id"].isin(lost)].reset_index(drop=True)
    with made.store.begin() as connection:
        lock(connection, "snapshot")
        chunks = []
        for part, frame in frozen_rows.cut(rows):
            chunk = snapshot_chunks.store(connection, part, frame)
            snapshot_files.write_missing(made.settings, chunk.root, frame)
            chunks.append(chunk)
        split = snapshots.count_rows(rows.assign(synthetic=False), snapshot.split_at)
        return snapshots.store(connection, chunks, split, made.settings.policy.snapshot.model_dump(mode="json"))


def compare(
    made: planted.Installation, trained: dict[str, ModelVersion], never: dict[str, ModelVersion]
) -> dict[str, Any]:
    """Family -> whether its replacement has the digest of the training that never saw the rows."""
    with made.store.begin() as connection:
        replaced = version_erasures.relearned(connection, [version.version for version in trained.values()])
        digests = {
            family: model_versions.by_version(connection, replaced[version.version]).digest
            for family, version in trained.items()
            if version.version in replaced
        }
    return {
        "identical": sorted(name for name in trained if digests.get(name) == never[name].digest),
        "different": sorted(name for name in trained if digests.get(name) != never[name].digest),
        "unchanged": sorted(name for name in trained if trained[name].digest == never[name].digest),
    }
