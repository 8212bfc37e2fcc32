"""Many texts at once: the same as one by one, at a fraction of the cost, for texts without NUL bytes.

The texts are joined by NUL bytes, which no pattern here crosses, so that one call works on all of them. A text in which
something needs a closer look is handled by itself.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np

from sentiment_lib.text import language, privacy
from sentiment_lib.text.airlines import HANDLES
from sentiment_lib.text.normalise import CONTROL, MAXIMUM_CHARACTERS, normalise

_NUL = "\x00"
#: Where an e-mail address may be: an @ with something before it.
_ADDRESS = re.compile(r"@(?<=[\w.+-]@)")
_SPELLINGS_OF_WWW = ("ww.", "WW.", "wW.", "Ww.")
#: Of a text's bytes, what a phone number is known by: digits, a plus, and whatever is beyond ASCII.
_NO_PHONE = bytes(code for code in range(1, 128) if chr(code) not in "0123456789+")
_FEWEST_DIGITS = 7
#: As `language` reads plain text, with the NUL bytes kept.
_PLAIN = b"\x00" + language.PLAIN[1:]
_HANDLE_OR_END = re.compile(r"@(\w{1,20})|\x00", re.ASCII)
#: So many equal letters in a row are the fewest that `normalise` shortens.
_ELONGATED = 4
#: What may begin an HTML entity.
_ENTITY = re.compile("&")


def normalise_all(texts: Sequence[str]) -> list[str]:
    """`normalise.normalise` of each text, whatever it holds."""
    joined = _NUL.join(texts)
    if joined.count(_NUL) >= len(texts) or max(map(len, texts), default=0) > MAXIMUM_CHARACTERS:
        return [normalise(text) for text in texts]
    parts: Sequence[str] = texts
    if not joined.isascii():
        joined = unicodedata.normalize("NFC", joined)
        parts = joined.split(_NUL)
    try:
        codes = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError:  # halves of characters
        return [normalise(text) for text in texts]
    # entities, control characters and letters four times in a row are rare: those texts are looked at by themselves
    rare = [found.start() for pattern in (_ENTITY, CONTROL) for found in pattern.finditer(joined.replace(_NUL, "\n"))]
    alone = _places(parts, [*rare, *_repeated(codes, joined)])
    found = [" ".join(masked.split()) for masked in mask_all(parts)]
    for number in alone:
        found[number] = normalise(texts[number])
    return found


def mask_all(texts: Sequence[str]) -> list[str]:
    """`privacy.mask` of each text."""
    joined = _NUL.join(texts)
    alone: set[int] = set()
    if _ADDRESS.search(joined):
        alone.update(_places(texts, (found.start() for found in _ADDRESS.finditer(joined))))
    for spelling in _SPELLINGS_OF_WWW:
        if spelling in joined:
            alone.update(number for number, text in enumerate(texts) if spelling in text)
    if "://" in joined:
        joined = privacy.USUAL_URL.sub(privacy.URL, joined)
    masked = privacy.PERSON.sub(privacy.USER, joined).split(_NUL)
    if "://" in joined:  # in capitals, or not of the web
        alone.update(number for number, text in enumerate(masked) if "://" in text)
    telling = _NUL.join(masked).encode("utf-8", "surrogatepass").translate(None, _NO_PHONE)
    for number, known in enumerate(telling.split(b"\x00")):
        if known and (len(known) >= _FEWEST_DIGITS or not known.isdigit()):
            masked[number] = privacy.mask_phones(masked[number])
    for number in alone:
        masked[number] = privacy.mask(texts[number])
    return masked


def detect_all(texts: Sequence[str]) -> list[str | None]:
    """`language.detect` of each text."""
    ascii_only = [text if text.isascii() else "" for text in texts]
    plain = _NUL.join(ascii_only).encode().translate(_PLAIN).decode().split(_NUL)
    return [
        language.detect(text) if not read and text else language.detect_plain(read)
        for text, read in zip(texts, plain, strict=True)
    ]


def airlines_of(texts: Sequence[str]) -> list[str | None]:
    """`airlines.airline_of` each text."""
    airlines: list[str | None] = []
    first = None
    for handle in _HANDLE_OR_END.findall(_NUL.join(texts) + _NUL):
        if not handle:
            airlines.append(first)
            first = None
        elif first is None:
            first = HANDLES.get(handle.lower())
    return airlines


def _places(texts: Sequence[str], positions: Iterable[int]) -> set[int]:
    """Numbers of the texts that hold these positions of the joined text."""
    ends = list(accumulate(len(text) + 1 for text in texts))
    return {bisect_right(ends, position) for position in positions}


def _repeated(codes: np.ndarray, joined: str) -> list[int]:
    """Positions of letters that come at least _ELONGATED times in a row."""
    if len(codes) < _ELONGATED:
        return []
    same = codes[1:] == codes[:-1]
    runs = same[: len(same) - 2] & same[1:-1] & same[2:]
    return [place for place in np.flatnonzero(runs).tolist() if joined[place].isalnum() or joined[place] == "_"]
