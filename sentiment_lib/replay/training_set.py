"""The snapshot that a training at a block's end would freeze: the labels known by then, split as production does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sentiment_lib.evaluation.holdout_split import content_hash, split
from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.replay.blocks import Block
from sentiment_lib.replay.history import History
from sentiment_lib.statistics.metrics import Ints


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Rows of the history that train and that judge, both in order of time."""

    frame: pd.DataFrame = field(repr=False)
    content_hash: str
    train: Ints = field(repr=False)
    holdout: Ints = field(repr=False)
    #: first row of the history that is later than every training row
    first: int


def known_rows(history: History, clock: int) -> Ints:
    """Rows whose label is known at the clock, oldest first."""
    end = int(np.searchsorted(history.created_at, clock, side="right"))
    return np.flatnonzero(history.known_at[:end] <= clock)


def training_rows(history: History, block: Block, newest: int | None = None) -> Ints:
    """Rows whose labels a training at the end of the block takes: all known ones, or so many of the newest."""
    rows = known_rows(history, block.clock)
    return rows if newest is None else rows[-newest:]


def labels_digest(history: History, rows: Ints) -> str:
    """SHA-256 of these rows and their labels."""
    return hashlib.sha256(rows.astype("<i8").tobytes() + history.label[rows].astype("<i8").tobytes()).hexdigest()


def freeze(history: History, rows: Ints, policy: SnapshotPolicy) -> TrainingSet | None:
    """The training set of these labelled rows; None without enough rows for a holdout."""
    if not len(rows):
        return None
    frame, split_at = split(history.labelled_frame(rows), policy)
    is_train = frame["part"] == "train"
    if split_at is None or int((~is_train).sum()) < policy.minimum_holdout or not is_train.any():
        return None
    at = pd.Series(rows, index=history.tweet_id[rows])
    train, holdout = (at[frame.loc[mask, "tweet_id"]].to_numpy(np.int64) for mask in (is_train, ~is_train))
    nanoseconds = pd.Timestamp(split_at).as_unit("ns").value
    return TrainingSet(
        frame=frame,
        content_hash=content_hash(frame),
        train=train,
        holdout=holdout,
        first=int(np.searchsorted(history.created_at, nanoseconds, side="left")),
    )
