"""Snapshot of the current labels: training rows, and the newest part as holdout."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from sentiment_lib.errors import NotEnoughLabels
from sentiment_lib.evaluation import frozen_rows, holdout_split
from sentiment_lib.policy import Policy
from sentiment_lib.records import Snapshot, SplitRows
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import snapshot_files
from sentiment_lib.storage import current_labels, feedback, labelled_chunks, labelled_split, snapshot_chunks, snapshots
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.snapshot_chunks import StoredChunk


def run(store: Store, settings: Settings, *, until: datetime | None = None) -> Snapshot:
    """Freeze the labelled tweets (created before `until`); equal content returns the existing snapshot.

    Synthetic tweets are used only while no real tweet has a label. Raises NotEnoughLabels when either part would be too
    small for the policy.
    """
    policy = settings.policy
    with store.begin() as connection:
        lock(connection, "snapshot")
        feedback.store_missing_labels(connection)
        freeze = _freeze_current if until is None else partial(_freeze_until, until=until)
        chunks, split = freeze(connection, settings)
        return snapshots.store(connection, chunks, split, policy.snapshot.model_dump(mode="json"))


def _freeze_current(connection: Connection, settings: Settings) -> tuple[list[StoredChunk], SplitRows]:
    """Chunks of all labelled tweets: those in which nothing changed are found, the others stored."""
    policy = settings.policy
    split = labelled_split.refresh(connection, policy.snapshot, policy.label.auditors).split
    _require_rows(connection, policy, split)
    assert split is not None
    chunks = labelled_chunks.freeze(
        connection,
        is_kept=lambda root: snapshot_files.path_of(settings, root).exists(),
        write=lambda root, rows: snapshot_files.write_missing(settings, root, rows),
    )
    return chunks, split


def _freeze_until(
    connection: Connection, settings: Settings, *, until: datetime
) -> tuple[list[StoredChunk], SplitRows]:
    """Chunks of the labelled tweets created before then, read and split as a whole."""
    policy = settings.policy
    frame = current_labels.labelled(connection, policy.snapshot.label_precedence, until, auditors=policy.label.auditors)
    frame, split_at = holdout_split.split(frame, policy.snapshot)
    split = None if split_at is None else snapshots.count_rows(frame, split_at)
    _require_rows(connection, policy, split)
    assert split is not None
    chunks = []
    for part, rows in frozen_rows.cut(frame):
        chunk = snapshot_chunks.store(connection, part, rows)
        snapshot_files.write_missing(settings, chunk.root, rows)
        chunks.append(chunk)
    return chunks, split


def _require_rows(connection: Connection, policy: Policy, split: SplitRows | None) -> None:
    """Raise NotEnoughLabels when either part would be too small for the policy."""
    for purpose, have, need in (
        ("training", split.train_rows if split else 0, policy.retrain.minimum_rows),
        ("the holdout", split.holdout_rows if split else 0, policy.snapshot.minimum_holdout),
    ):
        if have < need:
            real = " on real tweets" if current_labels.has_real_labels(connection) else ""
            raise NotEnoughLabels(purpose=purpose + real, have=have, need=need)
