"""The file format of age with X25519 recipients (https://github.com/C2SP/C2SP/blob/main/age.md), as streams.

A file key of 16 bytes is wrapped for each recipient; the content is encrypted with a key derived from it in chunks of
64 KiB, each authenticated with its number and whether it is the last. So a file that was cut off, reordered or changed
is refused, and only whoever has a private key can read it.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sentiment_lib.encryption import bech32
from sentiment_lib.errors import BadInput, UnsafeArtefact

VERSION = b"age-encryption.org/v1\n"
CHUNK = 64 << 10
_TAG, _FILE_KEY, _NONCE = 16, 16, 16
_RECIPIENT, _IDENTITY = "age", "age-secret-key-"
#: Bytes of a header that are read before it is refused.
_LONGEST_LINE, _MOST_LINES = 1024, 64


def create_identity() -> tuple[str, str]:
    """A new private key, AGE-SECRET-KEY-1…, and its public key, age1…"""
    private = X25519PrivateKey.generate()
    public = bech32.encode(_RECIPIENT, private.public_key().public_bytes_raw())
    return bech32.encode(_IDENTITY, private.private_bytes_raw()).upper(), public


def parse_recipient(text: str) -> bytes:
    """The 32 bytes of a public key. Raises BadInput."""
    return _parse(text, _RECIPIENT, "public key")


def parse_identities(text: str) -> tuple[bytes, ...]:
    """The private keys of an identity file, one a line; comments begin with #. Raises BadInput when there is none."""
    lines = [line.strip() for line in text.splitlines()]
    found = tuple(_parse(line, _IDENTITY, "private key") for line in lines if line and not line.startswith("#"))
    if not found:
        raise BadInput(what="the identity file", problem="it holds no line AGE-SECRET-KEY-1…")
    return found


def read_identity(path: Path) -> tuple[bytes, ...]:
    """The private keys of an identity file. Raises BadInput when it cannot be read or holds none."""
    try:
        return parse_identities(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(what=f"the identity file {path}", problem=f"it cannot be read ({error})") from error


def _parse(text: str, prefix: str, what: str) -> bytes:
    try:
        actual, raw = bech32.decode(text)
    except ValueError as error:
        raise BadInput(what=f"the {what}", problem=str(error)) from error
    if actual != prefix or len(raw) != 32:
        raise BadInput(what=f"the {what}", problem=f"it does not begin with {bech32.encode(prefix, b'')[:-6]}")
    return raw


class EncryptingWriter(io.RawIOBase):
    """Encrypts what is written to it into `sink`; only `close` completes the file. `sink` stays open."""

    def __init__(self, sink: IO[bytes], recipients: Sequence[bytes]) -> None:
        if not recipients:
            raise BadInput(what="the recipients", problem="there is none")
        file_key, nonce = os.urandom(_FILE_KEY), os.urandom(_NONCE)
        header = VERSION + b"".join(_wrap(file_key, recipient) for recipient in recipients) + b"---"
        sink.write(header + b" " + _encode(_mac(file_key, header)) + b"\n" + nonce)
        self._sink, self._chunks = sink, _Chunks(_derive(file_key, b"payload", salt=nonce))
        self._waiting = bytearray()

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: object) -> int:
        """Encrypt; the last chunk waits for `close`."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        start = 0
        while start < len(view):
            if len(self._waiting) == CHUNK:  # more follows, so it is not the last
                self._sink.write(self._chunks.seal(self._waiting, last=False))
                self._waiting = bytearray()
            taken = view[start : start + CHUNK - len(self._waiting)]
            self._waiting += taken
            start += len(taken)
        return len(view)

    def close(self) -> None:
        """Write the last chunk; idempotent."""
        if not self.closed:
            self._sink.write(self._chunks.seal(self._waiting, last=True))
            super().close()

    def abandon(self) -> None:
        """Leave the file incomplete, so that it is refused when it is read."""
        super().close()


class DecryptingReader(io.RawIOBase):
    """Reads the content of an encrypted file.

    Raises BadInput when no identity fits, UnsafeArtefact for a file that was changed or cut off. What was read before
    that is genuine.
    """

    def __init__(self, source: IO[bytes], identities: Sequence[bytes]) -> None:
        self._source, self._left, self._ended = source, b"", False
        file_key = _read_header(source, identities)
        nonce = source.read(_NONCE)
        if len(nonce) != _NONCE:
            raise _refused("it ends in its header")
        self._chunks = _Chunks(_derive(file_key, b"payload", salt=nonce))
        self._ahead = self._read_chunk()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer as far as the chunk reaches; 0 at the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        if not self._left and not self._ended:
            self._left = self._next()
        count = min(len(view), len(self._left))
        view[:count], self._left = self._left[:count], self._left[count:]
        return count

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._read_chunk()
        self._ended = not self._ahead
        text = self._chunks.open(sealed, last=self._ended)
        if not text and self._chunks.number > 1:
            raise _refused("its last chunk is empty")
        return text

    def _read_chunk(self) -> bytes:
        chunk = b""
        while len(chunk) < CHUNK + _TAG and (more := self._source.read(CHUNK + _TAG - len(chunk))):
            chunk += more
        return chunk


class _Chunks:
    """ChaCha20-Poly1305 over numbered chunks; the nonce says which chunk it is and whether it is the last."""

    def __init__(self, key: bytes) -> None:
        self._cipher, self.number = ChaCha20Poly1305(key), 0

    def seal(self, text: bytes | bytearray, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last), text, None)

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        number = self.number
        try:
            return self._cipher.decrypt(self._nonce(last), sealed, None)
        except InvalidTag as error:
            raise _refused(f"chunk {number + 1} was changed, or the file was cut off there") from error

    def _nonce(self, last: bool) -> bytes:
        nonce = self.number.to_bytes(11, "big") + bytes([last])
        self.number += 1
        return nonce


def _read_header(source: IO[bytes], identities: Sequence[bytes]) -> bytes:
    """The file key. Raises as DecryptingReader does."""
    if source.readline(_LONGEST_LINE) != VERSION:
        raise _refused("it does not begin as one")
    header, file_key = VERSION, None
    for _ in range(_MOST_LINES):
        line = source.readline(_LONGEST_LINE)
        if line.startswith(b"--- "):
            if file_key is None:
                raise BadInput(what="the identity", problem="the file was not encrypted to its public key")
            _check_mac(file_key, header + b"---", line[4:-1])
            return file_key
        header += line
        words = line.rstrip(b"\n").split(b" ")
        if words[0] != b"->":
            continue
        body = source.readline(_LONGEST_LINE)
        header += body
        if len(words) == 3 and words[1] == b"X25519":
            file_key = file_key or _unwrap(words[2], body.rstrip(b"\n"), identities)
    raise _refused("it has no header")


def _wrap(file_key: bytes, recipient: bytes) -> bytes:
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    body = ChaCha20Poly1305(_wrap_key(shared, share, recipient)).encrypt(bytes(12), file_key, None)
    return b"-> X25519 " + _encode(share) + b"\n" + _encode(body) + b"\n"


def _unwrap(share_text: bytes, body_text: bytes, identities: Sequence[bytes]) -> bytes | None:
    """The file key, if one of the identities unwraps it."""
    share, body = _decode(share_text), _decode(body_text)
    if len(share) != 32 or len(body) != _FILE_KEY + _TAG:
        raise _refused("its header cannot be read")
    for identity in identities:
        private = X25519PrivateKey.from_private_bytes(identity)
        try:
            shared = private.exchange(X25519PublicKey.from_public_bytes(share))
            key = _wrap_key(shared, share, private.public_key().public_bytes_raw())
            return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
        except (InvalidTag, ValueError):  # of another recipient, or a share of low order
            continue
    return None


def _wrap_key(shared: bytes, share: bytes, recipient: bytes) -> bytes:
    return _derive(shared, b"age-encryption.org/v1/X25519", salt=share + recipient)


def _derive(secret: bytes, purpose: bytes, *, salt: bytes = b"") -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, purpose).derive(secret)


def _mac(file_key: bytes, header: bytes) -> bytes:
    code = hmac.HMAC(_derive(file_key, b"header"), hashes.SHA256())
    code.update(header)
    return code.finalize()


def _check_mac(file_key: bytes, header: bytes, text: bytes) -> None:
    code = hmac.HMAC(_derive(file_key, b"header"), hashes.SHA256())
    code.update(header)
    try:
        code.verify(_decode(text))
    except InvalidSignature as error:
        raise _refused("its header was changed") from error


def _encode(raw: bytes) -> bytes:
    return base64.b64encode(raw).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise _refused("its header cannot be read") from error
    if _encode(raw) != text:
        raise _refused("its header cannot be read")
    return raw


def _refused(problem: str) -> UnsafeArtefact:
    return UnsafeArtefact(artefact="age file", problem=problem)
