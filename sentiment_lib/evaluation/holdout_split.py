"""The split of labelled tweets by time into training rows and holdout, and the hash of the result. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lib.policy import SnapshotPolicy
from sentiment_lib.text.copies import first_of_each

#: A labelled tweet.
LABELLED = ("tweet_id", "created_at", "text", "airline", "language", "label", "label_source")
#: The label for evaluation, beside the one for training; missing where the tweet's selection is unknown.
JUDGING = ("judging_label", "judging_source", "inclusion")
#: Columns of a snapshot's Parquet file, in the order in which they are hashed.
COLUMNS = (*LABELLED, "part")


def split(frame: pd.DataFrame, policy: SnapshotPolicy) -> tuple[pd.DataFrame, datetime | None]:
    """Add the column `part`: every training row is older than every holdout row. Returns the frame and the split time.

    The holdout has only tweets with a judging label, with that label (JUDGING): labels that people chose to
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
    rows = pd.concat([train, holdout]).drop(columns=list(JUDGING)).reset_index(drop=True)
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
