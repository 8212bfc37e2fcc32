"""Keyed hashes (HMAC-SHA256, RFC 2104) of forgotten tweets and authors, and the file that holds their key.

A tombstone must recognise a tweet that comes again and tell nothing to those who read it. Ids of tweets can be listed,
so a plain hash would be as good as the id; the key lies outside the database.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from sentiment_lib.errors import TombstoneKeyMissing
from sentiment_lib.files import write_atomically

TWEET, AUTHOR = "tweet", "author"


class TombstoneKey:
    """The key in one file, read on first use, or made of a secret, where components share no files.

    Cheap to construct.
    """

    def __init__(self, path: Path, secret: str = "") -> None:
        self.path = path
        self._secret = secret

    def create(self) -> TombstoneKey:
        """Write the file, mode 0600, unless it exists or a secret is given. Safe in several processes at once."""
        if not self._secret and not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path.parent, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not self.path.exists():  # another process may have been faster
                    content = {"key": secrets.token_hex(32), "created_at": datetime.now(UTC).isoformat()}
                    write_atomically(self.path, content, mode=0o600)
            finally:
                os.close(descriptor)
        return self

    @cached_property
    def _key(self) -> bytes:
        """Raises TombstoneKeyMissing without the file, or when it holds no key."""
        if self._secret:
            return hashlib.sha256(b"tombstones " + self._secret.encode()).digest()
        try:
            return bytes.fromhex(json.loads(self.path.read_text())["key"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TombstoneKeyMissing(path=self.path, problem=f"{type(error).__name__}: it cannot be read") from error

    @property
    def key_id(self) -> str:
        """Public name of the key (16 hex digits), by which a tombstone says which key made it."""
        return hashlib.sha256(b"tombstone key " + self._key).hexdigest()[:16]

    def of_tweet(self, tweet_id: int) -> bytes:
        """Tombstone (32 bytes) of a tweet's id."""
        return hmac.digest(self._key, b"tweet %d" % tweet_id, "sha256")

    def of_author(self, author_hash: bytes) -> bytes:
        """Tombstone (32 bytes) of an author's keyed hash."""
        return hmac.digest(self._key, b"author " + author_hash, "sha256")

    def of_file(self, content: bytes) -> bytes:
        """What shows that the holder of the key wrote this content of a file of tombstones (32 bytes)."""
        return hmac.digest(self._key, b"file " + content, "sha256")
