"""Merkle trees of SHA-256: one root commits to a list of leaves.

Shape and prefixes are those of RFC 6962, section 2.1, so that no node can stand for a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

#: Bytes of a hash.
HASH_BYTES = 32
_LEAF, _NODE = b"\x00", b"\x01"


def leaf(content: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(_LEAF + content).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root of these leaves, in this order. Raises ValueError without any."""
    if not leaves:
        raise ValueError("a tree has at least one leaf")
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(_NODE + one + other).digest() for one, other in pairs]
        level = above + level[len(above) * 2 :]  # the last one of an odd number moves up as it is
    return level[0]
