"""Snapshot of the current labels: training rows, and the newest part as holdout."""

from __future__ import annotations

from datetime import datetime

from sentiment_lib.errors import NotEnoughLabels
from sentiment_lib.evaluation import frozen_rows
from sentiment_lib.evaluation.holdout_split import split
from sentiment_lib.records import Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import snapshot_files
from sentiment_lib.storage import feedback, snapshot_chunks, snapshots
from sentiment_lib.storage.engine import Store, lock


def run(store: Store, settings: Settings, *, until: datetime | None = None) -> Snapshot:
    """Freeze the labelled tweets (created before `until`); equal content returns the existing snapshot.

    Synthetic tweets are used only while no real tweet has a label. Raises NotEnoughLabels when either part would be too
    small for the policy.
    """
    policy = settings.policy
    with store.begin() as connection:
        lock(connection, "snapshot")
        feedback.store_missing_labels(connection)
        frame = snapshots.labelled(connection, policy.snapshot.label_precedence, until, auditors=policy.label.auditors)
        frame, split_at = split(frame, policy.snapshot)
        train = int((frame["part"] == "train").sum()) if len(frame) else 0
        for purpose, have, need in (
            ("training", train, policy.retrain.minimum_rows),
            ("the holdout", len(frame) - train, policy.snapshot.minimum_holdout),
        ):
            if have < need:
                real = " on real tweets" if snapshots.has_real_labels(connection) else ""
                raise NotEnoughLabels(purpose=purpose + real, have=have, need=need)
        assert split_at is not None
        chunks = []
        for part, rows in frozen_rows.cut(frame):
            chunk = snapshot_chunks.store(connection, part, rows)
            snapshot_files.write_missing(settings, chunk.root, rows)
            chunks.append(chunk)
        return snapshots.store(
            connection, frame, chunks, split_at=split_at, policy=policy.snapshot.model_dump(mode="json")
        )
