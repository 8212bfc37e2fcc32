"""Pairs of texts that are near copies, so defined that a text which comes or goes changes few pairs.

`copies.cluster_copies` walks through all texts; a snapshot asks for the copies of its new ones. Each distinct text has
a key, and prints (winnowing fingerprints). The PHRASE smallest keys of a print are its heads, and a print counts for a
pair when one of both is among its heads: a phrase that thousands of texts share then costs PHRASE comparisons a text.
Texts are near copies when the prints that count are CANDIDATE of the prints of the one with fewer, and their shingles
make them copies. Keys are hashes, so heads are a random sample of the texts, whatever came first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.text import copies

#: Number of heads of a print.
PHRASE = copies.PHRASE


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What copies of a text are found by: equal keys for exact copies, prints for near ones."""

    #: first 8 bytes of the SHA-256 of `words`, as a signed integer
    key: int
    words: str = field(repr=False)
    #: signed 64-bit integers
    prints: frozenset[int] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Copies:
    """The copies among some texts."""

    #: of each text; None for one that is too short to be a copy
    prints: Sequence[Fingerprint | None]
    #: keys of the near copies of each key that has any
    near: Mapping[int, set[int]]


def find_copies(texts: Sequence[str]) -> Copies:
    """The copies among these texts."""
    prints = fingerprint(texts)
    return Copies(prints=prints, near=near_copies({one.key: one for one in prints if one is not None}))


def fingerprint(texts: Sequence[str]) -> list[Fingerprint | None]:
    """The fingerprint of each text; None for one that is too short to be a copy."""
    stripped = [copies.strip_to_words(text) for text in texts]
    found: dict[str, Fingerprint] = {}
    distinct = list(dict.fromkeys(words for words in stripped if len(words) >= copies.MIN_CHARACTERS))
    for words, prints in zip(distinct, copies.fingerprints(distinct), strict=True):
        signed = frozenset(np.fromiter(prints, dtype=np.uint64, count=len(prints)).view(np.int64).tolist())
        key = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big", signed=True)
        found[words] = Fingerprint(key=key, words=words, prints=signed)
    return [found.get(words) for words in stripped]


def are_copies(one: str, other: str) -> bool:
    """Whether the shingles of two candidates (their words) make them copies."""
    shorter, longer = sorted((one, other), key=lambda words: (len(words), words))
    return copies.is_copy(_shingles(shorter), _shingles(longer), len(shorter))


@lru_cache(maxsize=2048)
def _shingles(words: str) -> frozenset[str]:
    """Shingles, kept for the heads that many texts are compared with."""
    return copies.shingles_of(words)


def near_copies(texts: Mapping[int, Fingerprint]) -> dict[int, set[int]]:
    """Keys of the near copies of each text that has any; `texts` by key. The reference for `storage.text_copies`."""
    keys = np.array(sorted(texts), dtype=np.int64)
    counts = np.array([len(texts[key].prints) for key in keys.tolist()], dtype=np.int64)
    one, other, shared = _shared_prints(keys, texts)
    enough = shared >= copies.CANDIDATE * np.minimum(counts[one], counts[other])
    found: dict[int, set[int]] = {}
    for first, second in zip(keys[one[enough]].tolist(), keys[other[enough]].tolist(), strict=True):
        if are_copies(texts[first].words, texts[second].words):
            found.setdefault(first, set()).add(second)
            found.setdefault(second, set()).add(first)
    return found


def _shared_prints(
    keys: NDArray[np.int64], texts: Mapping[int, Fingerprint]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Places (in the order of the keys) of the texts of each pair, and the number of prints that count for it."""
    places = [np.full(len(texts[key].prints), place) for place, key in enumerate(keys.tolist())]
    prints = [np.fromiter(texts[key].prints, dtype=np.int64) for key in keys.tolist()]
    if not prints:
        return (np.zeros(0, dtype=np.int64),) * 3
    place, code = np.concatenate(places), np.concatenate(prints)
    order = np.lexsort((place, code))
    place, code = place[order], code[order]
    starts = np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
    pairs = []
    for start, end in zip(starts, np.r_[starts[1:], len(code)], strict=True):
        members = place[start:end]
        heads = members[:PHRASE]
        if len(members) > 1:
            # each head with the members after it: a pair of two heads counts once
            first = np.repeat(np.arange(len(heads)), len(members) - 1 - np.arange(len(heads)))
            after = np.concatenate([members[number + 1 :] for number in range(len(heads))])
            pairs.append(after * len(keys) + heads[first])
    if not pairs:
        return (np.zeros(0, dtype=np.int64),) * 3
    pair, shared = np.unique(np.concatenate(pairs), return_counts=True)
    return pair // len(keys), pair % len(keys), shared
