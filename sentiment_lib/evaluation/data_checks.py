"""Checks of training and holdout rows: label shares, label shift and leakage."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.records import LABELS

SHINGLE = 5
PERMUTATIONS = 64
BAND_ROWS = 4
#: Jaccard similarity of character shingles at which two texts are near duplicates
NEAR = 0.8
_PRIME = np.uint64(4294967311)  # smallest prime above 2^32


@dataclass(frozen=True, kw_only=True)
class DataChecks:
    """Label shares, and leakage: holdout rows whose text (nearly) equals that of a training row."""

    train_rows: int
    holdout_rows: int
    train_share: dict[str, float]
    holdout_share: dict[str, float]
    #: largest difference of a class's share between training and holdout rows, 0 to 1
    label_shift: float
    #: holdout rows with the text of a training row, ignoring case, punctuation, mentions and URLs
    duplicates: int
    #: further holdout rows with a training row of Jaccard similarity 0.8 or more
    near_duplicates: int
    #: (duplicates + near_duplicates) / holdout_rows
    leaked_share: float


def check(
    train_texts: Sequence[str], train_labels: Sequence[int], holdout_texts: Sequence[str], holdout_labels: Sequence[int]
) -> DataChecks:
    """Compare training and holdout rows; labels in 0..2. Raises ValueError unless both parts have rows."""
    if not len(train_texts) or not len(holdout_texts):
        raise ValueError("training and holdout rows are both needed")
    train, holdout = _shares(train_labels), _shares(holdout_labels)
    seen = {normalise_text(text) for text in train_texts}
    copies = [normalise_text(text) in seen for text in holdout_texts]
    remaining = [text for text, copy in zip(holdout_texts, copies, strict=True) if not copy]
    near = int(near_duplicates(list(train_texts), remaining).sum())
    return DataChecks(
        train_rows=len(train_texts),
        holdout_rows=len(holdout_texts),
        train_share=train,
        holdout_share=holdout,
        label_shift=max(abs(train[name] - holdout[name]) for name in train),
        duplicates=sum(copies),
        near_duplicates=near,
        leaked_share=(sum(copies) + near) / len(holdout_texts),
    )


def normalise_text(text: str) -> str:
    """Lower case, without mentions, URLs and punctuation, words separated by single spaces."""
    bare = re.sub(r"@\w+|https?\S*|\bRT\b", " ", text).lower()
    return " ".join(re.findall(r"\w+", bare))


def near_duplicates(train_texts: Sequence[str], texts: Sequence[str], threshold: float = NEAR) -> NDArray[np.bool_]:
    """For each text (n,), whether some training text has a Jaccard similarity of at least `threshold`.

    MinHash: Broder 1997, "On the resemblance and containment of documents"; bands: Leskovec, Rajaraman, Ullman,
    "Mining of Massive Datasets", chapter 3. Pairs that share a band are then compared exactly, so there are no
    false positives; a pair at 0.8 is missed with probability below 0.1 %.
    """
    train = [_shingles(text) for text in train_texts]
    queries = [_shingles(text) for text in texts]
    buckets: dict[bytes, list[int]] = {}
    for row, bands in enumerate(_bands(train)):
        for band in bands:
            buckets.setdefault(band, []).append(row)
    duplicate = np.zeros(len(queries), dtype=np.bool_)
    for row, bands in enumerate(_bands(queries)):
        candidates = {other for band in bands for other in buckets.get(band, ())}
        duplicate[row] = any(_jaccard(queries[row], train[other]) >= threshold for other in candidates)
    return duplicate


def _shingles(text: str) -> frozenset[int]:
    bare = normalise_text(text)
    pieces = {bare[i : i + SHINGLE] for i in range(max(len(bare) - SHINGLE + 1, 1))} if bare else set()
    # Python's string hash is randomised per process
    return frozenset(int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=4).digest(), "big") for piece in pieces)


def _bands(sets: Sequence[frozenset[int]]) -> list[list[bytes]]:
    rng = np.random.default_rng(1997)
    factors = rng.integers(1, 2**31, size=PERMUTATIONS, dtype=np.uint64)
    offsets = rng.integers(0, 2**31, size=PERMUTATIONS, dtype=np.uint64)
    bands: list[list[bytes]] = []
    for members in sets:
        if not members:
            bands.append([])
            continue
        values = np.fromiter(members, dtype=np.uint64, count=len(members))
        signature = ((values[:, None] * factors + offsets) % _PRIME).min(axis=0)
        rows = signature.reshape(-1, BAND_ROWS)
        bands.append([bytes([number]) + row.tobytes() for number, row in enumerate(rows)])
    return bands


def _jaccard(first: frozenset[int], second: frozenset[int]) -> float:
    both = len(first & second)
    return both / (len(first) + len(second) - both) if both else 0.0


def _shares(labels: Sequence[int]) -> dict[str, float]:
    counts = Counter(int(label) for label in labels)
    return {str(label): counts[number] / len(labels) for number, label in enumerate(LABELS)}
