"""Vectors of words as GloVe and word2vec publish them: a text file with a word and its numbers on each line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput

#: Lines that are looked at to see how many numbers a line has.
FIRST = 1000
#: Largest number that half precision, in which packages carry them, can hold.
LARGEST = 65504


def read(
    path: Path, *, wanted: Collection[str] | None = None, frequent: int = 0
) -> tuple[list[str], NDArray[np.float32]]:
    """Words of the file and their vectors (v, d): all of them, or the first `frequent` and those that are wanted.

    Files begin with the most frequent words. A word may hold spaces, as some of "840B" do: the last d fields are its
    numbers. The line with which word2vec's format begins is passed over. BadInput for what is no such file.
    """
    width = _width(path)
    place: dict[str, int] = {}
    rows: list[NDArray[np.float32]] = []
    for number, line in _lines(path):
        word, *values = line.rsplit(" ", width)
        if len(values) < width or not word:
            raise _bad(path, number, f"fewer than {width} numbers after a word")
        if word in place or not (wanted is None or len(rows) < frequent or word in wanted):
            continue
        place[word] = len(rows)
        rows.append(_vector(path, number, values))
    if not rows:
        raise BadInput(what=f"file of word vectors {path}", problem="it holds no word that is wanted")
    return list(place), np.vstack(rows)


def _vector(path: Path, number: int, values: list[str]) -> NDArray[np.float32]:
    try:
        vector = np.array(values, dtype=np.float32)
    except ValueError:
        raise _bad(path, number, f"its last {len(values)} fields are not all numbers") from None
    if not (np.abs(vector) <= LARGEST).all():
        raise _bad(path, number, f"one of its numbers is larger than {LARGEST}, or none")
    return vector


def _width(path: Path) -> int:
    """How many numbers a line has: the fewest of the first lines, since words with spaces only make it more."""
    fields = [line.count(" ") for _, line in islice(_lines(path), FIRST)]
    if not fields or min(fields) < 1:
        raise BadInput(what=f"file of word vectors {path}", problem="its lines are not a word and numbers with spaces")
    return min(fields)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, but for empty ones and the header "words dimensions"."""
    # a word may be of bytes that are no UTF-8, or hold a character at which Python would break the line
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            kept = line.rstrip(" \r\n")
            header = number == 1 and len(fields := kept.split(" ")) == 2 and all(map(str.isdigit, fields))
            if kept and not header:
                yield number, kept


def _bad(path: Path, number: int, problem: str) -> BadInput:
    return BadInput(what=f"line {number} of the file of word vectors {path}", problem=problem)
