"""Word vectors in the text format of GloVe and word2vec: a word and its numbers on each line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment_lib.errors import BadInput

#: Lines from which the dimension is inferred.
SAMPLE_LINES = 1000
#: Largest number in half precision, in which packages store vectors.
MAX_FLOAT16 = 65504


def read(
    path: Path, *, wanted: Collection[str] | None = None, frequent: int = 0
) -> tuple[list[str], NDArray[np.float32]]:
    """Words of the file and their vectors (v, d): all of them, or the first `frequent` and the `wanted` ones.

    Files are sorted by frequency. A word may contain spaces, as some of "840B" do: the last d fields are its numbers.
    word2vec's header line is skipped. BadInput, with the line number, for a malformed file.
    """
    width = _width(path)
    words: dict[str, int] = {}
    rows: list[NDArray[np.float32]] = []
    for number, line in _lines(path):
        word, *values = line.rsplit(" ", width)
        if len(values) < width or not word:
            raise _bad(path, number, f"fewer than {width} numbers after a word")
        if word in words or not (wanted is None or len(rows) < frequent or word in wanted):
            continue
        words[word] = len(rows)
        rows.append(_vector(path, number, values))
    if not rows:
        raise BadInput(what=f"file of word vectors {path}", problem="it holds no word that is wanted")
    return list(words), np.vstack(rows)


def _vector(path: Path, number: int, values: list[str]) -> NDArray[np.float32]:
    try:
        vector = np.array(values, dtype=np.float32)
    except ValueError:
        raise _bad(path, number, f"its last {len(values)} fields are not all numbers") from None
    if not (np.abs(vector) <= MAX_FLOAT16).all():
        raise _bad(path, number, f"one of its numbers is larger than {MAX_FLOAT16}, or none")
    return vector


def _width(path: Path) -> int:
    """Dimension of the vectors: the fewest spaces of the first lines, since words with spaces only add to them."""
    fields = [line.count(" ") for _, line in islice(_lines(path), SAMPLE_LINES)]
    if not fields or min(fields) < 1:
        raise BadInput(what=f"file of word vectors {path}", problem="its lines are not a word and numbers with spaces")
    return min(fields)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and lines, without empty ones and the header "words dimensions"."""
    # words can contain invalid UTF-8, or characters at which Python would split the line
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            content = line.rstrip(" \r\n")
            header = number == 1 and len(fields := content.split(" ")) == 2 and all(map(str.isdigit, fields))
            if content and not header:
                yield number, content


def _bad(path: Path, number: int, problem: str) -> BadInput:
    return BadInput(what=f"line {number} of the file of word vectors {path}", problem=problem)
