"""Copies of a text: exact repeats, near duplicates, and retweets that were cut off; each group is one cluster.

Copies are not independent observations: people or bots repeated one text. Statistics count a cluster once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

#: Shorter texts (letters, digits and spaces) are never copies: many people say "thank you so much" on their own.
MIN_CHARACTERS = 20
#: A text that is part of a longer one is a copy only from this length on.
MIN_CONTAINED = 40
#: Share of the shorter text's character shingles that the longer one has, and Jaccard similarity of short ones.
SIMILAR = 0.8
SHINGLE = 5
#: Winnowing: length of the hashed pieces, and of the window of which the smallest hash is kept.
PIECE, WINDOW = 10, 8
#: Texts whose fingerprints are computed at once.
TOGETHER = 1000
#: A piece in more distinct texts than this is a phrase, not a sign of copying.
PHRASE = 30
#: Share of the shorter text's fingerprints that two texts must share to be compared.
CANDIDATE = 0.3

_POWERS = np.array([pow(1099511628211, exponent, 2**64) for exponent in range(PIECE)], dtype=np.uint64)


def cluster_copies(texts: Sequence[str]) -> NDArray[np.int64]:
    """Cluster of each text (n,), as the index of one of its members; texts without copies are clusters of one.

    Fingerprints: Schleimer, Wilkerson, Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD;
    containment: Broder 1997, "On the resemblance and containment of documents". Mentions, URLs, case, punctuation and
    the mark of a retweet are ignored.
    """
    cluster = np.arange(len(texts), dtype=np.int64)
    bare = [strip_to_words(text) for text in texts]
    by_text: dict[str, int] = {}
    for row, text in enumerate(bare):
        if len(text) >= MIN_CHARACTERS:
            cluster[row] = by_text.setdefault(text, row)
    buckets: dict[int, list[int]] = {}
    shingles: dict[int, frozenset[str]] = {}
    sizes: dict[int, int] = {}
    originals: dict[int, int] = {}
    # longest first: the text that a truncated one is part of comes before it
    rows = sorted(by_text.values(), key=lambda row: (-len(bare[row]), row))
    for row, prints in zip(rows, fingerprints([bare[row] for row in rows]), strict=True):
        shared = Counter(other for code in prints if len(bucket := buckets.get(code, [])) <= PHRASE for other in bucket)
        likely = [other for other, count in shared.most_common() if count >= CANDIDATE * min(len(prints), sizes[other])]
        for one in (row, *likely) if likely else ():
            if one not in shingles:
                shingles[one] = shingles_of(bare[one])
        original = next((other for other in likely if is_copy(shingles[row], shingles[other], len(bare[row]))), None)
        if original is not None:
            originals[row] = original
            continue
        sizes[row] = len(prints)
        for code in prints:
            buckets.setdefault(code, []).append(row)
    return np.array([originals.get(int(first), int(first)) for first in cluster], dtype=np.int64)


def first_of_each(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Mask (n,) of the first text of each cluster, in their order: later copies are left out."""
    mask = np.zeros(len(texts), dtype=np.bool_)
    if len(texts):
        mask[np.unique(cluster_copies(texts), return_index=True)[1]] = True
    return mask


def strip_to_words(text: str) -> str:
    """The words of a text in lower case, without mentions, links, punctuation and the mark of a retweet."""
    spoken = re.sub(r"@\w+|https?\S*|^\s*RT\b|\bRT(?=\s*@)", " ", text, flags=re.IGNORECASE).lower()
    return " ".join(re.findall(r"\w+", spoken))


def fingerprints(texts: Sequence[str]) -> Iterator[frozenset[int]]:
    """Fingerprints of each text, all of at least MIN_CHARACTERS; texts are hashed many at once."""
    for start in range(0, len(texts), TOGETHER):
        chunk = texts[start : start + TOGETHER]
        codes = np.frombuffer("".join(chunk).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
        count = len(codes) - PIECE + 1
        hashes = np.zeros(count, dtype=np.uint64)
        for place, power in enumerate(_POWERS):
            hashes += codes[place : place + count] * power
        hashes ^= hashes >> np.uint64(29)
        hashes *= np.uint64(0xBF58476D1CE4E5B9)
        windows = count - WINDOW + 1
        smallest = np.minimum.reduce([hashes[place : place + windows] for place in range(WINDOW)])
        begin = 0
        for text in chunk:
            end = begin + len(text)
            # windows that lie within this text
            yield frozenset(smallest[begin : end - PIECE - WINDOW + 2].tolist())
            begin = end


def shingles_of(text: str) -> frozenset[str]:
    """Its pieces of SHINGLE characters."""
    return frozenset(text[start : start + SHINGLE] for start in range(len(text) - SHINGLE + 1))


def is_copy(shorter: frozenset[str], longer: frozenset[str], characters: int) -> bool:
    """Whether shingles of two texts make one a copy of the other; `characters`: length of the shorter text."""
    both = len(shorter & longer)
    whole = len(shorter) if characters >= MIN_CONTAINED else len(shorter | longer)
    return both >= SIMILAR * whole
