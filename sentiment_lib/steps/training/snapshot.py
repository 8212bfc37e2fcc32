"""Snapshot of the current labels: training rows, and the newest part as holdout."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from sentiment_lib.errors import LedgerBroken, NotEnoughLabels
from sentiment_lib.evaluation.holdout_split import COLUMNS, content_hash, split
from sentiment_lib.files import replace_atomically
from sentiment_lib.records import Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.storage import feedback, snapshots
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
        digest = content_hash(frame)
        existing = snapshots.find(connection, digest)
        name = f"snapshot-{digest[:16]}.parquet"
        if existing is None or not (settings.snapshots / existing.uri).exists():
            with replace_atomically(settings.snapshots / name) as draft:
                frame[list(COLUMNS)].to_parquet(draft, index=False)
        return existing or snapshots.store(
            connection,
            frame,
            content_hash=digest,
            split_at=split_at,
            uri=name,
            policy=policy.snapshot.model_dump(mode="json"),
        )


def read(settings: Settings, snapshot: Snapshot) -> pd.DataFrame:
    """The rows of the snapshot's file. Raises LedgerBroken when the file is missing or does not match its hash."""
    path = settings.snapshots / snapshot.uri
    if not path.exists():
        raise LedgerBroken(problem=f"the file of snapshot {snapshot.snapshot_id} is gone: {path}")
    frame = pd.read_parquet(path)
    if content_hash(frame) != snapshot.content_hash:
        raise LedgerBroken(problem=f"the file of snapshot {snapshot.snapshot_id} was changed: {path}")
    return frame
