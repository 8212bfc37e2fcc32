"""Snapshot of the current labels: training rows, and the newest part as holdout."""

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
    """Freeze the labelled tweets (created before `until`); equal content returns the existing snapshot.

    Synthetic tweets are used only while no real tweet has a label. Raises NotEnoughLabels when either part would be too
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


def split(frame: pd.DataFrame, policy: SnapshotPolicy) -> tuple[pd.DataFrame, datetime | None]:
    """Add the column `part`: every training row is older than every holdout row. Returns the frame and the split time.

    The holdout has only tweets with a judging label, with that label (`snapshots.JUDGING`): labels that people chose to
    give are used for training, never for evaluation (selection bias). Audit rows with different inclusion probabilities
    are thinned to the smallest one. Copies of training texts are left out, and copies within the holdout count once.
    """
    is_judging = frame["judging_label"].notna()
    judging = frame[is_judging]
    if judging.empty:
        return frame.iloc[:0].assign(part=pd.Series(dtype=str)), None
    first = min(int(len(judging) * (1 - policy.holdout_share)), len(judging) - 1)
    split_at = judging["created_at"].iloc[first]
    is_holdout = frame["created_at"] >= split_at
    train = frame[~is_holdout].assign(part="train")
    holdout = frame[is_holdout & is_judging].assign(
        part="holdout", label=frame["judging_label"], label_source=frame["judging_source"]
    )
    holdout = holdout[_thinning_mask(holdout)]
    # audit rows first: of several copies, the one with a known inclusion probability stays
    holdout = holdout.sort_values("label_source", key=lambda column: column != "audit", kind="stable")
    texts = train["text"].tolist() + holdout["text"].tolist()
    holdout = holdout[first_of_each(texts)[len(train) :]].sort_values(["created_at", "tweet_id"])
    rows = pd.concat([train, holdout]).drop(columns=list(snapshots.JUDGING)).reset_index(drop=True)
    return rows, split_at.to_pydatetime()


def _thinning_mask(holdout: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask (n,) that thins rows with a known inclusion probability to the smallest one, by a hash of the id."""
    probability = holdout["inclusion"].where(holdout["label_source"] == "audit").to_numpy(float)
    is_known = np.isfinite(probability)
    if not is_known.any():
        return np.ones(len(holdout), dtype=np.bool_)
    shares = np.where(is_known, probability[is_known].min() / np.where(is_known, probability, 1.0), 1.0)
    # a different hash than the audit sample's, so that both samplings are independent
    return np.array([_uniform(int(tweet)) < share for tweet, share in zip(holdout["tweet_id"], shares, strict=True)])


def _uniform(tweet_id: int) -> float:
    digest = hashlib.blake2b(f"thin {tweet_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of all values of all rows, in the order of the frame."""
    digest = hashlib.sha256()
    for row in frame[list(COLUMNS)].itertuples(index=False):
        values = ["" if value is None or value != value else str(value) for value in row]
        digest.update("\x1f".join(values).encode() + b"\x1e")
    return digest.hexdigest()


def read(settings: Settings, snapshot: Snapshot) -> pd.DataFrame:
    """The rows of the snapshot's file. Raises LedgerBroken when the file is missing or does not match its hash."""
    path = settings.snapshots / snapshot.uri
    if not path.exists():
        raise LedgerBroken(problem=f"the file of snapshot {snapshot.snapshot_id} is gone: {path}")
    frame = pd.read_parquet(path)
    if content_hash(frame) != snapshot.content_hash:
        raise LedgerBroken(problem=f"the file of snapshot {snapshot.snapshot_id} was changed: {path}")
    return frame
