"""Finds passages of a text around a word that no other text has, also where the rest of the text is cut off."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile

from sentiment_lib.erasure.text_index import WINDOW, letters

_WORD = re.compile(r"[^\W\d_][\w'’]*")
#: Characters beside a word that are compared: escapes and spaces stand between the letters.
_BESIDE = 6 * WINDOW


class Passages:
    """Surroundings of own words: a passage has WINDOW letters and digits at least, the word among them."""

    def __init__(self, texts: Iterable[str] = (), own_words: Collection[str] = frozenset()) -> None:
        self._beside: dict[str, set[tuple[str, str]]] = {}
        for text in texts:
            for match in _WORD.finditer(text):
                if (word := match[0].lower()) in own_words:
                    before, after = _around(text, *match.span())
                    beside = "".join(letter for letter, _ in before), "".join(letter for letter, _ in after)
                    self._beside.setdefault(word, set()).add(beside)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in `text` such a passage stands: (start, end) of each."""
        for match in _WORD.finditer(text) if self._beside else ():
            for before, after in self._beside.get(match[0].lower(), ()):
                found_before, found_after = _around(text, *match.span())
                left = _common(before, found_before)
                right = _common(after, found_after)
                if left + len(match[0]) + right >= WINDOW:
                    start = found_before[left - 1][1] if left else match.start()
                    yield start, found_after[right - 1][1] + 1 if right else match.end()


def _around(text: str, start: int, end: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """(letter, position) of the letters before a word, the nearest first, and of those after it."""
    first = max(start - _BESIDE, 0)
    before = [(letter, first + position) for letter, position in letters(text[first:start])]
    after = [(letter, end + position) for letter, position in letters(text[end : end + _BESIDE])]
    return before[: -WINDOW - 1 : -1], after[:WINDOW]


def _common(expected: str, found: list[tuple[str, int]]) -> int:
    """So many letters are the same from the first on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1][0], zip(expected, found, strict=False)))
