"""Finds many texts in a long one, whatever stands between their letters: quoted, escaped, or cut into lines.

Both sides are reduced to letters and digits. A rolling hash of the first characters of each text is compared at every
position (Karp, Rabin 1987, "Efficient randomized pattern-matching algorithms", IBM J. Res. Dev. 31 (2)); what matches
is compared character by character.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

#: Characters of a text that are hashed; a text with fewer says too little to be recognised by itself.
WINDOW = 24
_BASE = np.uint64(1_000_003)
_OTHER = re.compile(r"[\W_]+")
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\[nrtbf]|&#?\w{1,8};")


class TextIndex:
    """Texts to be found. Those of fewer than WINDOW letters and digits are left out."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts: dict[int, set[str]] = defaultdict(set)
        for text in texts:
            reduced = "".join(character for character, _ in letters(text))
            if len(reduced) >= WINDOW:
                self._texts[int(_hashes(reduced[:WINDOW])[0])].add(reduced)
        self._hashes = np.array(sorted(self._texts), dtype=np.uint64)

    def __len__(self) -> int:
        return sum(map(len, self._texts.values()))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in `text` one of the texts stands: (start, end) of each."""
        reduced = self._reduce(text)
        starts = self._matches(reduced)
        if not starts:
            return
        positions = [position for _, position in letters(text)]
        for start, length in starts:
            yield positions[start], positions[start + length - 1] + 1

    def occurs_in(self, text: str) -> bool:
        """Whether one of the texts stands in `text`."""
        return bool(self._matches(self._reduce(text)))

    def _reduce(self, text: str) -> str:
        if not len(self._hashes):
            return ""
        if "\\" in text or "&" in text:
            text = _ESCAPE.sub(lambda match: _decode(match[0]), text)
        return _OTHER.sub("", text.lower())

    def _matches(self, reduced: str) -> list[tuple[int, int]]:
        """(start, length) of each text in a reduced one."""
        if len(reduced) < WINDOW:
            return []
        hashes = _hashes(reduced)
        nearest = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return [
            (int(start), len(text))
            for start in np.flatnonzero(self._hashes[nearest] == hashes)
            for text in self._texts[int(hashes[start])]
            if reduced.startswith(text, int(start))
        ]


def letters(text: str) -> Iterator[tuple[str, int]]:
    """Lower-case letters and digits with their positions; an escape of JSON or HTML stands for its character."""
    position = 0
    for match in _ESCAPE.finditer(text):
        yield from _plain(text, position, match.start())
        # the last position of an escape, so that a span covers it whole
        yield from ((character, match.end() - 1) for character in _decode(match[0]).lower() if character.isalnum())
        position = match.end()
    yield from _plain(text, position, len(text))


def _decode(escape: str) -> str:
    """The character of an escape; none of a line end or an unknown one."""
    if escape.startswith("\\u"):
        return chr(int(escape[2:], 16))
    return html.unescape(escape) if escape[0] == "&" else ""


def _plain(text: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    for position in range(start, end):
        character = text[position]
        if character.isalnum():
            yield from ((lower, position) for lower in character.lower() if lower.isalnum())


def _hashes(reduced: str) -> NDArray[np.uint64]:
    """Polynomial hash of every window, modulo 2^64; (n - WINDOW + 1,)."""
    codes = np.frombuffer(reduced.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    hashes = np.zeros(len(codes) - WINDOW + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for offset in range(WINDOW):
            hashes = hashes * _BASE + codes[offset : len(codes) - WINDOW + 1 + offset]
    return hashes
