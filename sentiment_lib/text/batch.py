"""Batch versions of the text functions: the same results at a fraction of the cost, for texts without NUL bytes.

The texts are joined by NUL bytes, which no pattern crosses, so that one call works on all of them. Unusual texts are
handled one by one.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.text import language, privacy
from sentiment_lib.text.airlines import HANDLES, airline_of
from sentiment_lib.text.normalise import (
    APOSTROPHES,
    CONTROL,
    INVISIBLE,
    MAXIMUM_CHARACTERS,
    MISUSED,
    NORMALISER_VERSION,
    active_version,
    normalise,
)
from sentiment_lib.text.urls import USUAL_URL

_NUL = "\x00"
_ASCII = bytes(range(128))
#: Where an e-mail address may be: an @ with something before it.
_ADDRESS = re.compile(r"@(?<=[\w.+-]@)")
_SPELLINGS_OF_WWW = ("ww.", "WW.", "wW.", "Ww.")
#: Bytes that no phone number contains: all of ASCII but digits and the plus sign.
_NO_PHONE = bytes(code for code in range(1, 128) if chr(code) not in "0123456789+")
#: All bytes but those and the NUL byte, for texts without digits or plus signs beyond ASCII.
_NO_ASCII_PHONE = bytes(code for code in range(1, 256) if chr(code) not in "0123456789+")
_FULLWIDTH_PLUS = "\uff0b"
_MIN_DIGITS = 7
#: As `language` reads plain text, with the NUL bytes kept.
_PLAIN = b"\x00" + language.PLAIN[1:]
_HANDLE_OR_END = re.compile(r"@(\w{1,20})|\x00", re.ASCII)
#: Length of the shortest run of a letter that `normalise` shortens.
_ELONGATED = 4
#: What needs the normaliser itself: entities, control characters, grave accents in words; invisible characters.
_RARE = (re.compile("&"), CONTROL, MISUSED)
_RARE_BEYOND_ASCII = (INVISIBLE, re.compile("[\u200c\u200d]"))


def normalise_all(texts: Sequence[str]) -> list[str]:
    """`normalise.normalise` of each text; NUL bytes are allowed."""
    joined = _NUL.join(texts)
    longest = max(map(len, texts), default=0)
    if active_version() != NORMALISER_VERSION or joined.count(_NUL) >= len(texts) or longest > MAXIMUM_CHARACTERS:
        return [normalise(text) for text in texts]
    parts: Sequence[str] = texts
    if not joined.isascii():
        joined = unicodedata.normalize("NFC", joined).translate(APOSTROPHES)
        parts = joined.split(_NUL)
    try:
        codes = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError:  # halves of characters
        return [normalise(text) for text in texts]
    # entities, control and invisible characters, and letters four times in a row are rare: those texts one by one
    spaced = joined.replace(_NUL, "\n")
    patterns = _RARE if joined.isascii() else (*_RARE, *_RARE_BEYOND_ASCII)
    rare = [match.start() for pattern in patterns for match in pattern.finditer(spaced)]
    alone = _indices_of(parts, [*rare, *_repeated(codes, joined)])
    normal = [" ".join(masked.split()) for masked in mask_all(parts)]
    for index in alone:
        normal[index] = normalise(texts[index])
    return normal


def mask_all(texts: Sequence[str]) -> list[str]:
    """`privacy.mask` of each text."""
    joined = _NUL.join(texts)
    alone: set[int] = set()
    if _ADDRESS.search(joined):
        alone.update(_indices_of(texts, (match.start() for match in _ADDRESS.finditer(joined))))
    for spelling in _SPELLINGS_OF_WWW:
        if spelling in joined:
            alone.update(index for index, text in enumerate(texts) if spelling in text)
    if "&" in joined:
        alone.update(index for index, text in enumerate(texts) if "&" in text)
    if not joined.isascii():
        alone.update(_indices_of(texts, (match.start() for match in privacy.DISGUISE.finditer(joined))))
    if "://" in joined:
        joined = USUAL_URL.sub(privacy.URL, joined)
    if privacy.URL in joined and not joined.isascii():
        joined = privacy.GLUED.sub(f"{privacy.URL} ", joined)
    masked = privacy.PERSON.sub(privacy.USER, joined).split(_NUL)
    if "://" in joined:  # in capitals, or not of the web
        alone.update(index for index, text in enumerate(masked) if "://" in text)
    ignored = (
        _NO_PHONE if any(sign.isdigit() or sign == _FULLWIDTH_PLUS for sign in _beyond(joined)) else _NO_ASCII_PHONE
    )
    phone_bytes = _NUL.join(masked).encode("utf-8", "surrogatepass").translate(None, ignored)
    for index, digits in enumerate(phone_bytes.split(b"\x00")):
        if digits and (len(digits) >= _MIN_DIGITS or not digits.isdigit()):
            masked[index] = privacy.mask_phones(masked[index])
    for index in alone:
        masked[index] = privacy.mask(texts[index])
    return masked


def detect_all(texts: Sequence[str]) -> list[str | None]:
    """`language.detect` of each text."""
    # letters beyond ASCII need the text itself; emoji and punctuation are spaces
    letters = {sign for sign in _beyond(_NUL.join(texts)) if sign.isalnum() or sign == "_" or language.is_script(sign)}
    languages = language.detect_all_plain(_NUL.join(texts).encode("ascii", "replace").translate(_PLAIN).decode())
    if letters:
        for index, text in enumerate(texts):
            if not text.isascii() and not letters.isdisjoint(text):
                languages[index] = language.detect(text)
    return languages if texts else []


def airlines_of(texts: Sequence[str]) -> list[str | None]:
    """`airlines.airline_of` each text."""
    airlines: list[str | None] = []
    first = None
    joined = _NUL.join(texts) + _NUL
    if not joined.isascii() and ("\uff20" in joined or "\ufe6b" in joined):
        return [airline_of(text) for text in texts]
    for handle in _HANDLE_OR_END.findall(joined):
        if not handle:
            airlines.append(first)
            first = None
        elif first is None:
            first = HANDLES.get(handle.lower())
    return airlines


def _beyond(joined: str) -> set[str]:
    """The characters beyond ASCII."""
    if joined.isascii():
        return set()
    return set(joined.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass"))


def _indices_of(texts: Sequence[str], positions: Iterable[int]) -> set[int]:
    """Indices of the texts that hold these positions of the joined text."""
    ends = list(accumulate(len(text) + 1 for text in texts))
    return {bisect_right(ends, position) for position in positions}


def _repeated(codes: NDArray[np.uint32], joined: str) -> list[int]:
    """Positions in the joined text (its code points: `codes`) where a letter comes _ELONGATED times in a row."""
    if len(codes) < _ELONGATED:
        return []
    same = codes[1:] == codes[:-1]
    runs = same[: len(same) - 2] & same[1:-1] & same[2:]
    return [index for index in np.flatnonzero(runs).tolist() if joined[index].isalnum() or joined[index] == "_"]
