"""The character encoding of a file: UTF-8 or UTF-16, else Windows-1252 where that is plausible."""

from __future__ import annotations

import codecs
import re
import zlib
from typing import IO

CHUNK_BYTES = 1 << 20
#: Bytes that Windows-1252 does not define, and one that no text in it has (y with two dots).
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d\xff]")
_HIGH = re.compile(rb"[\x80-\xff]")
#: Windows-1252 is for languages in which accented letters stand alone; runs of them are another encoding.
_RUN = re.compile(rb"[\xc0-\xff]{4,}")
_MAX_RUN_SHARE = 0.2
_SURROGATE = re.compile(r"[\udc80-\udcff]")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def detect(file: IO[bytes]) -> str | None:
    """Name of the encoding, or None when it can be neither UTF-8, UTF-16 nor Windows-1252. Reads until it is certain.

    A file with valid UTF-8 beyond ASCII is UTF-8, damaged bytes or not.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    suspicious: list[bytes] = []
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
        if not text.isascii() and not _SURROGATE.sub("", text).isascii():
            return "utf-8"
        suspicious.append(chunk)
    return _single_byte(b"".join(suspicious)) if suspicious else "utf-8"


def _read(file: IO[bytes]) -> bytes:
    """The next chunk; empty where the file is damaged, which reading its rows reports."""
    try:
        return file.read(CHUNK_BYTES)
    except (EOFError, OSError, zlib.error):
        return b""


def _single_byte(data: bytes) -> str | None:
    high = len(_HIGH.findall(data))
    if high == 0:
        return "utf-8"
    in_runs = sum(map(len, _RUN.findall(data)))
    if _UNDEFINED.search(data) or in_runs > _MAX_RUN_SHARE * high:
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
