"""Frozen rows of a snapshot: how they are cut into chunks, and the salted commitments that outlive an erased row.

A row's leaf hashes two commitments, one of its key (tweet, label, part) and one of the rest, each with the row's own
random salt. Row and salt can be erased: the leaf stays, the roots above it verify, and nobody can guess the row from
it. A chunk's root is the Merkle root of its leaves, and the content hash of a snapshot covers the roots of its chunks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from sentiment_lib import merkle
from sentiment_lib.evaluation.holdout_split import COLUMNS
from sentiment_lib.hashing import canonical_json, hash_text

SALT_BYTES = 32
PARTS = ("train", "holdout")
#: Mean number of rows of a chunk.
MEAN_ROWS = 512
#: Columns of the key commitment; the other columns of the file are in that of the content.
_KEY = ("tweet_id", "label", "part")
_REST = tuple(column for column in COLUMNS if column not in (*_KEY, "created_at"))


def cut(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The chunks of the rows, each with its part: training rows, then holdout, each in the order of the frame.

    A chunk ends at a row whose id says so: rows that come or go change the chunk that they are in, and no other.
    """
    for part in PARTS:
        rows = frame[frame["part"] == part]
        ends = np.array([ends_chunk(int(tweet_id)) for tweet_id in rows["tweet_id"]], dtype=np.bool_)
        first = 0
        for end in (*(np.flatnonzero(ends) + 1), len(rows)):
            if end > first:
                yield part, rows.iloc[first:end]
            first = end


def ends_chunk(tweet_id: int) -> bool:
    """Whether a chunk ends at this tweet, by a hash of its id: so do one in MEAN_ROWS."""
    digest = hashlib.blake2b(f"chunk {tweet_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % MEAN_ROWS == 0


def contents(frame: pd.DataFrame) -> list[bytes]:
    """Canonical bytes of what each row holds beside its key: time, text, airline, language, source of the label."""
    times = frame["created_at"].dt.as_unit("us").astype("int64")
    columns = [[_optional(value) for value in frame[column]] for column in _REST]
    return [
        json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        for row in zip(times.tolist(), *columns, strict=True)
    ]


def commit_key(salt: bytes, tweet_id: int, label: str, part: str) -> bytes:
    """Commitment of a row's key."""
    return hashlib.sha256(salt + f"{tweet_id},{label},{part}".encode()).digest()


def commit_content(salt: bytes, content: bytes) -> bytes:
    """Commitment of a row's other values, as `contents` gives them."""
    return hashlib.sha256(salt + content).digest()


def leaf(key: bytes, content: bytes) -> bytes:
    """The row's leaf, from both of its commitments."""
    return merkle.leaf(key + content)


def content_hash(roots: Sequence[str], split_at: datetime) -> str:
    """Hash of a snapshot: of the roots of its chunks, in hex and in their order, and the time of its split."""
    top = merkle.root([merkle.leaf(bytes.fromhex(root)) for root in roots]).hex()
    return hash_text(canonical_json({"chunks": top, "split_at": split_at.astimezone(UTC)}))


def _optional(value: object) -> str | None:
    return None if value is None or value != value else str(value)
