"""Freeze the labels that stand now: training rows, and the newest part as holdout."""

from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.errors import LedgerBroken, NotEnoughLabels
from sentiment_lib.files import replace_atomically
from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.records import Snapshot
from sentiment_lib.settings import Settings
from sentiment_lib.storage import snapshots
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.text.copies import first_of_each

#: Columns of a snapshot's Parquet file, in the order in which they are hashed.
COLUMNS = (*snapshots.COLUMNS, "part")


def run(store: Store, settings: Settings, *, until: datetime | None = None) -> Snapshot:
    """Freeze the labelled tweets (created before `until`); the same content gives the snapshot that is there already.

    Synthetic tweets count only while no real tweet has a label. Raises NotEnoughLabels when either part would be too
    small for the policy.
    """
    policy = settings.policy
    with store.begin() as connection:
        lock(connection, "snapshot")
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

    In the time of the holdout only tweets with a judging label stay, with that label (`snapshots.JUDGING`): what people
    chose to label may teach, but never judges. Audit labels drawn with different chances are thinned to the smallest
    one. Copies of training texts judge nothing, and copies within the holdout count once.
    """
    fair = frame["judging_label"].notna()
    judging = frame[fair]
    if judging.empty:
        return frame.iloc[:0].assign(part=pd.Series(dtype=str)), None
    first = min(int(len(judging) * (1 - policy.holdout_share)), len(judging) - 1)
    split_at = judging["created_at"].iloc[first]
    held = frame["created_at"] >= split_at
    train = frame[~held].assign(part="train")
    holdout = frame[held & fair].assign(
        part="holdout", label=frame["judging_label"], label_source=frame["judging_source"]
    )
    holdout = holdout[_thinned(holdout)]
    # audit draws first: of copies, the one whose chance is known stays
    holdout = holdout.sort_values("label_source", key=lambda column: column != "audit", kind="stable")
    texts = train["text"].tolist() + holdout["text"].tolist()
    holdout = holdout[first_of_each(texts)[len(train) :]].sort_values(["created_at", "tweet_id"])
    parted = pd.concat([train, holdout]).drop(columns=list(snapshots.JUDGING)).reset_index(drop=True)
    return parted, split_at.to_pydatetime()


def _thinned(holdout: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask (n,): rows with a known chance are kept so that all have the smallest one; a hash of the id decides."""
    chance = holdout["inclusion"].where(holdout["label_source"] == "audit").to_numpy(float)
    known = np.isfinite(chance)
    if not known.any():
        return np.ones(len(holdout), dtype=np.bool_)
    kept = np.where(known, chance[known].min() / np.where(known, chance, 1.0), 1.0)
    # keyed apart from the draw of the audit sample, which the hash of the id decided
    return np.array([_uniform(int(tweet)) < share for tweet, share in zip(holdout["tweet_id"], kept, strict=True)])


def _uniform(tweet_id: int) -> float:
    digest = hashlib.blake2b(f"thin {tweet_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


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
