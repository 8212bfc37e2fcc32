"""The split of labelled tweets by time into training rows and holdout, and the hash of the result. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.text.near_copies import Copies, find_copies

#: A labelled tweet.
LABELLED = ("tweet_id", "created_at", "text", "airline", "language", "label", "label_source")
#: The label for evaluation, beside the one for training; missing where the tweet's selection is unknown.
JUDGING = ("judging_label", "judging_source", "inclusion")
#: Columns of a snapshot's Parquet file, in the order in which they are hashed.
COLUMNS = (*LABELLED, "part")


def split(
    frame: pd.DataFrame, policy: SnapshotPolicy, copies: Copies | None = None
) -> tuple[pd.DataFrame, datetime | None]:
    """Add the column `part`: every training row is older than every holdout row. Returns the frame and the split time.

    The holdout has only tweets with a judging label, with that label (JUDGING): labels that people chose to
    give are used for training, never for evaluation (selection bias). Audit rows with different inclusion probabilities
    are thinned to the smallest one. Copies of training texts are left out, and copies within the holdout count once.

    copies: of the frame's texts, where they are known.
    """
    is_judging = frame["judging_label"].notna()
    judging = frame[is_judging]
    if judging.empty:
        return frame.iloc[:0].assign(part=pd.Series(dtype=str)), None
    split_at = judging["created_at"].iloc[first_judging(len(judging), policy.holdout_share)]
    is_train = frame["created_at"] < split_at
    holdout = frame[~is_train & is_judging].assign(
        part="holdout", label=frame["judging_label"], label_source=frame["judging_source"]
    )
    holdout = holdout[_thinning_mask(holdout)]
    # audit rows first: of several copies, the one with a known inclusion probability stays
    holdout = holdout.sort_values("label_source", key=lambda column: column != "audit", kind="stable")
    copies = copies or find_copies(frame["text"].tolist())
    places = pd.Series(range(len(frame)), index=frame.index)
    holdout = holdout[_first_mask(copies, places[is_train].tolist(), places[holdout.index].tolist())]
    train = frame[is_train].assign(part="train")
    rows = pd.concat([train, holdout.sort_values(["created_at", "tweet_id"])])
    return rows.drop(columns=list(JUDGING)).reset_index(drop=True), split_at.to_pydatetime()


def first_judging(rows: int, holdout_share: float) -> int:
    """Which of so many judging rows, oldest first, is the first of the holdout."""
    return min(int(rows * (1 - holdout_share)), rows - 1)


def _thinning_mask(holdout: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask (n,) that thins rows with a known inclusion probability to the smallest one, by a hash of the id."""
    probability = holdout["inclusion"].where(holdout["label_source"] == "audit").to_numpy(float)
    is_known = np.isfinite(probability)
    if not is_known.any():
        return np.ones(len(holdout), dtype=np.bool_)
    shares = np.where(is_known, probability[is_known].min() / np.where(is_known, probability, 1.0), 1.0)
    draws = np.array([thinning_draw(int(tweet_id)) for tweet_id in holdout["tweet_id"]])
    return np.asarray(draws < shares, dtype=np.bool_)


def _first_mask(copies: Copies, train: list[int], holdout: list[int]) -> NDArray[np.bool_]:
    """Mask (n,) of the holdout's texts that are no copy of a training text or of one before them in the holdout.

    train, holdout: numbers of the rows in `copies`.
    """
    #: place of the first text with each key: -1 for training texts, else in the holdout
    first = {found.key: -1 for row in train if (found := copies.prints[row]) is not None}
    for place, row in enumerate(holdout):
        if (found := copies.prints[row]) is not None:
            first.setdefault(found.key, place)
    mask = np.ones(len(holdout), dtype=np.bool_)
    for place, row in enumerate(holdout):
        if (found := copies.prints[row]) is not None:
            near = copies.near.get(found.key, ())
            mask[place] = first[found.key] == place and all(first.get(key, place) >= place for key in near)
    return mask


def thinning_draw(tweet_id: int) -> float:
    """Uniform number of the tweet, in [0, 1), by which it is thinned."""
    # a different hash than the audit sample's, so that both samplings are independent
    digest = hashlib.blake2b(f"thin {tweet_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def content_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of all values of all rows, in the order of the frame."""
    digest = hashlib.sha256()
    for row in frame[list(COLUMNS)].itertuples(index=False):
        values = ["" if value is None or value != value else str(value) for value in row]
        digest.update("\x1f".join(values).encode() + b"\x1e")
    return digest.hexdigest()
