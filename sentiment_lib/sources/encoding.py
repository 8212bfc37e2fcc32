"""The character encoding of a file: UTF-8 or UTF-16, else Windows-1252 where that is plausible."""

from __future__ import annotations

import codecs
import re
import zlib
from typing import IO

CHUNK_BYTES = 1 << 20
#: Bytes that Windows-1252 does not define, and one that no text in it has (y with two dots).
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d\xff]")
_HIGH = bytes(range(0x80, 0x100))
#: Windows-1252 is for languages in which accented letters stand alone; runs of them are another encoding.
_RUN = re.compile(rb"[\xc0-\xff]{4,}")
_MAX_RUN_SHARE = 0.2
#: A decoded character, as opposed to a byte that is not UTF-8.
_DECODED = re.compile(r"[^\x00-\x7f\udc80-\udcff]")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def detect(file: IO[bytes]) -> str | None:
    """Name of the encoding, or None when it can be neither UTF-8, UTF-16 nor Windows-1252. Reads until it is certain.

    A file with valid UTF-8 beyond ASCII is UTF-8, damaged bytes or not.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    evidence = _SingleByteEvidence()
    first = True
    while chunk := _read(file):
        if first:
            first = False
            marked = [name for mark, name in _BYTE_ORDER_MARKS if chunk.startswith(mark)]
            if name := (marked[0] if marked else _utf_16_without_mark(chunk[:4096])):
                return name
        if chunk.isascii() and decoder.getstate()[0] == b"":
            continue
        text = decoder.decode(chunk)
        if not text.isascii() and _DECODED.search(text):
            return "utf-8"
        evidence.add(chunk)
    return evidence.verdict()


def _read(file: IO[bytes]) -> bytes:
    """The next chunk; empty where the file is damaged, which reading its rows reports."""
    try:
        return file.read(CHUNK_BYTES)
    except (EOFError, OSError, zlib.error):
        return b""


class _SingleByteEvidence:
    """Counts of the bytes beyond ASCII, which tell Windows-1252 from other encodings."""

    def __init__(self) -> None:
        self._high = self._in_runs = 0
        self._undefined = False

    def add(self, data: bytes) -> None:
        """Count a chunk."""
        self._high += len(data) - len(data.translate(None, _HIGH))
        self._in_runs += sum(len(match[0]) for match in _RUN.finditer(data))
        self._undefined = self._undefined or _UNDEFINED.search(data) is not None

    def verdict(self) -> str | None:
        """Windows-1252, or UTF-8 without evidence; None when it is neither."""
        if self._high == 0:
            return "utf-8"
        if self._undefined or self._in_runs > _MAX_RUN_SHARE * self._high:
            return None
        return "cp1252"


def _utf_16_without_mark(head: bytes) -> str | None:
    if len(head) < 16:
        return None
    half = len(head) // 2
    even, odd = head[0 : 2 * half : 2].count(0), head[1 : 2 * half : 2].count(0)
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.05 * half else None
