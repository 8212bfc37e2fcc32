"""Ed25519 signatures (RFC 8032) over ledger entries, anchors and packages, and the key ring that checks them.

The private keys are PEM files in a folder of their own, one a key, readable by their owner only. The public keys are
one JSON file, which may be given to components that verify and never sign. A rotated key keeps its public half, so
that what it signed still verifies.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lib import clock
from sentiment_lib.errors import SignatureRefused, SigningKeyMissing
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import canonical_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: File of the public keys, unless another is named.
PUBLIC_KEYS_FILE = "public-keys.json"
#: A signature may lie this far outside the validity of its key: other processes notice a rotation at their next one.
ROTATION_GRACE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A public key with the span of time in which it signs; `valid_until` is None for the key in use."""

    #: the first 16 hexadecimal digits of the SHA-256 of the raw public key
    key_id: str
    #: 32 raw bytes in base64
    public_key: str
    valid_from: datetime
    valid_until: datetime | None = None


def signed_bytes(purpose: str, content: object) -> bytes:
    """The bytes that are signed: the purpose, a newline, and the content (bytes as they are, values as canonical JSON).

    With the purpose in front, a signature made for one thing is none for another.
    """
    body = content if isinstance(content, bytes) else canonical_json(content).encode()
    return purpose.encode() + b"\n" + body


class KeyRing:
    """The keys of one installation. The first signature creates a key where there is none at all.

    folder: the private keys, created with mode 0700 when the first key is, and their public halves in PUBLIC_KEYS_FILE.
    public_keys: a copy of that file, for components that have not the folder and can verify but not sign. Where the
    folder is, only its own file counts: another one could make somebody's signatures good for a process that signs.
    """

    def __init__(self, folder: Path, public_keys: Path | None = None) -> None:
        self.folder = folder
        self._own_file = folder / PUBLIC_KEYS_FILE
        self._copy = public_keys
        self._cache: tuple[tuple[int, int], tuple[PublicKey, ...]] | None = None
        self._private: dict[str, Ed25519PrivateKey] = {}

    @property
    def public_keys_file(self) -> Path:
        """The file that says which keys are good: the folder's own, or the copy without it."""
        return self._own_file if self._copy is None or self._own_file.exists() else self._copy

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Every key, oldest first; the last one signs. Read again whenever the file was replaced."""
        try:
            status = self.public_keys_file.stat()
        except FileNotFoundError:
            return ()
        version = (status.st_ino, status.st_mtime_ns)
        if self._cache is None or self._cache[0] != version:
            stored = json.loads(self.public_keys_file.read_text())
            self._cache = version, tuple(_parse_key(entry) for entry in stored)
        return self._cache[1]

    def sign(self, purpose: str, content: object) -> str:
        """Sign bytes or a JSON value: "KEY_ID:BASE64". Raises SigningKeyMissing where only public keys are."""
        keys = self.public_keys() or self.create_first_key()
        key_id = keys[-1].key_id
        signature = self._private_key(key_id).sign(signed_bytes(purpose, content))
        return f"{key_id}:{base64.b64encode(signature).decode()}"

    def verify(self, purpose: str, content: object, signature: str, *, at: datetime | None = None) -> PublicKey:
        """Return the key that signed this; with `at`, it must have been valid then. Raises SignatureRefused."""
        key_id, _, encoded = signature.partition(":")
        key = next((key for key in self.public_keys() if key.key_id == key_id), None)
        if key is None:
            raise SignatureRefused(what=purpose, problem=f"it is signed with an unknown key ({key_id[:16] or 'none'})")
        if not _is_signature(key.public_key, signed_bytes(purpose, content), encoded):
            raise SignatureRefused(what=purpose, problem=f"the signature of key {key_id} is not of this")
        if at is not None and not _was_valid(key, at):
            raise SignatureRefused(what=purpose, problem=f"key {key_id} was not valid at {at.isoformat()}")
        return key

    def rotate(self) -> PublicKey:
        """Sign with a new key from now on. The old private key is removed, its public key stays."""
        with self._lock():
            keys = self.public_keys()
            if keys:
                self._private_key(keys[-1].key_id)  # raises where this process may not sign
            added = self._append_key(keys)
            for key in keys:
                self._path(key.key_id).unlink(missing_ok=True)
                self._private.pop(key.key_id, None)
        return added

    def create_first_key(self) -> tuple[PublicKey, ...]:
        """Create a key where there is none, and complete the copy of the public ones, which it returns.

        Safe in several processes at once.
        """
        with self._lock():
            if not self.public_keys():  # another process may have been faster
                if any(self.folder.glob("*.pem")):
                    problem = f"private keys are there, but {self.public_keys_file} is missing: restore it"
                    raise SigningKeyMissing(folder=self.folder, problem=problem)
                self._append_key(())
            self._publish()
        return self.public_keys()

    def _append_key(self, keys: tuple[PublicKey, ...]) -> PublicKey:
        """Write a new private key, then the list of public keys: a kill in between leaves an unused file."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        now, private = clock.now(), Ed25519PrivateKey.generate()
        raw = private.public_key().public_bytes_raw()
        added = PublicKey(key_id=key_id_of(raw), public_key=base64.b64encode(raw).decode(), valid_from=now)
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_atomically(self._path(added.key_id), pem, mode=0o600)
        ended = [asdict(key) | {"valid_until": key.valid_until or now} for key in keys]
        write_atomically(self._own_file, canonical_json([*ended, asdict(added)]), mode=0o644)
        self._publish()
        self._cache = None
        return added

    def _publish(self) -> None:
        """Write the copy anew if it is not what the folder's own file says."""
        if self._copy is not None and self._own_file.exists():
            listed = self._own_file.read_bytes()
            if not self._copy.exists() or self._copy.read_bytes() != listed:
                write_atomically(self._copy, listed, mode=0o644)

    def _private_key(self, key_id: str) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if key_id not in self._private:
            try:
                key = serialization.load_pem_private_key(self._path(key_id).read_bytes(), password=None)
            except OSError as error:
                problem = f"the private key {key_id} cannot be read ({error.strerror})"
                raise SigningKeyMissing(folder=self.folder, problem=problem) from error
            if not isinstance(key, Ed25519PrivateKey) or key_id_of(key.public_key().public_bytes_raw()) != key_id:
                raise SigningKeyMissing(folder=self.folder, problem=f"{key_id}.pem holds another key")
            self._private[key_id] = key
        return self._private[key_id]

    def _path(self, key_id: str) -> Path:
        return self.folder / f"{key_id}.pem"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time change the keys."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._cache = None
            yield
        finally:
            os.close(descriptor)


@lru_cache(maxsize=8192)  # a champion is looked up once a second, and the same rows are checked by many steps
def _is_signature(public_key: str, content: bytes, encoded: str) -> bool:
    """Whether this is the signature (base64) of the content by a key (base64)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        raw = base64.b64decode(encoded, validate=True)
        if base64.b64encode(raw).decode() != encoded:  # unused bits of the last digit were changed
            return False
        key.verify(raw, content)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def key_id_of(raw: bytes) -> str:
    """Id of a raw public key (32 bytes)."""
    return hashlib.sha256(raw).hexdigest()[:16]


def _parse_key(entry: dict[str, str | None]) -> PublicKey:
    end = entry["valid_until"]
    key = PublicKey(
        key_id=str(entry["key_id"]),
        public_key=str(entry["public_key"]),
        valid_from=datetime.fromisoformat(str(entry["valid_from"])),
        valid_until=datetime.fromisoformat(end) if end else None,
    )
    if key_id_of(base64.b64decode(key.public_key)) != key.key_id:
        raise SignatureRefused(what="the file of public keys", problem=f"{key.key_id} is not the id of its key")
    return key


def _was_valid(key: PublicKey, moment: datetime) -> bool:
    start, end = key.valid_from - ROTATION_GRACE, key.valid_until
    return start <= moment and (end is None or moment <= end + ROTATION_GRACE)
