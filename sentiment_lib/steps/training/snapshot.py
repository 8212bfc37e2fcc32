"""Freeze the labels that stand now: training rows, and the newest part as holdout."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pandas as pd

from sentiment_lib.errors import LedgerBroken, NotEnoughLabels
from sentiment_lib.files import replace_atomically
from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.records import Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.storage import snapshots
from sentiment_lib.storage.engine import Store, lock

#: Columns of a snapshot's Parquet file, in the order in which they are hashed.
COLUMNS = (*snapshots.COLUMNS, "part")
#: Sources of labels that no quality may be measured on.
BIASED = ("feedback", "picked")


def run(store: Store, settings: Settings, *, until: datetime | None = None) -> Snapshot:
    """Freeze the labelled tweets (created before `until`); the same content gives the snapshot that is there already.

    Synthetic tweets count only while no real tweet has a label. Raises NotEnoughLabels when either part would be too
    small for the policy.
    """
    policy = settings.policy
    with store.begin() as connection:
        lock(connection, "snapshot")
        frame = snapshots.labelled(connection, policy.snapshot.label_precedence, until)
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
        found = snapshots.find(connection, digest)
        name = f"snapshot-{digest[:16]}.parquet"
        if found is None or not (settings.snapshots / found.uri).exists():
            with replace_atomically(settings.snapshots / name) as draft:
                frame[list(COLUMNS)].to_parquet(draft, index=False)
        return found or snapshots.store(
            connection,
            frame,
            content_hash=digest,
            split_at=split_at,
            uri=name,
            policy=policy.snapshot.model_dump(mode="json"),
        )


def split(frame: pd.DataFrame, policy: SnapshotPolicy) -> tuple[pd.DataFrame, datetime | None]:
    """Add the column `part`: every training row is older than every holdout row. Gives the frame and the split.

    People's corrections and tweets picked for what a model said of them are biased samples: they may teach, but never
    judge. In the time of the holdout they are left out.
    """
    fair = ~frame["label_source"].isin(BIASED)
    answered = frame[fair]
    if answered.empty:
        return frame.iloc[:0].assign(part=pd.Series(dtype=str)), None
    first = min(int(len(answered) * (1 - policy.holdout_share)), len(answered) - 1)
    split_at = answered["created_at"].iloc[first]
    held = frame["created_at"] >= split_at
    parted = frame.assign(part=held.map({True: "holdout", False: "train"}))
    parted = parted[~held | fair].reset_index(drop=True)
    return parted, split_at.to_pydatetime()


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 over every value of every row, in time order."""
    digest = hashlib.sha256()
    for row in frame[list(COLUMNS)].itertuples(index=False):
        values = ["" if value is None or value != value else str(value) for value in row]
        digest.update("\x1f".join(values).encode() + b"\x1e")
    return digest.hexdigest()


def read(settings: Settings, snapshot: Snapshot) -> pd.DataFrame:
    """The frozen rows; LedgerBroken when the file is gone or is not what was hashed."""
    path = settings.snapshots / snapshot.uri
    if not path.exists():
        raise LedgerBroken(problem=f"the file of snapshot {snapshot.snapshot_id} is gone: {path}")
    frame = pd.read_parquet(path)
    if content_hash(frame) != snapshot.content_hash:
        raise LedgerBroken(problem=f"the file of snapshot {snapshot.snapshot_id} was changed: {path}")
    return frame
