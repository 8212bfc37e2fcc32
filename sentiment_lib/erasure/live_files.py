"""Files that other processes write to meanwhile: what is forgotten is overwritten in place, and no byte moves.

A writer that appends is not disturbed, and a kill in between leaves a file that the next run finishes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sentiment_lib.erasure.terms import Terms
from sentiment_lib.files import pinned

#: Bytes of a line that are read at once; a longer one is searched in pieces that overlap.
LONGEST_LINE, OVERLAP = 1 << 20, 1 << 12
#: Stands for a line as bytes; the result has the same length, or is the line itself.
Rewrite = Callable[[bytes], bytes]


def rewrite_lines(path: Path, terms: Terms, rewrite: Rewrite, *, dry: bool, trusted: Path | None = None) -> int:
    """Overwrite each line that speaks of what is forgotten by what `rewrite` makes of it; returns how many differ.

    dry: count alone. trusted: a folder below which no link is followed, by default the file's own. Raises OSError for
    one.
    """
    with pinned(path, trusted=trusted) as file:
        return _rewrite_lines(file.content, terms, rewrite, dry=dry)


def _rewrite_lines(path: Path, terms: Terms, rewrite: Rewrite, *, dry: bool) -> int:
    changed = 0
    descriptor = os.open(path, os.O_RDONLY if dry else os.O_RDWR)
    try:
        for offset, line in _lines(descriptor, terms):
            new = rewrite(line)
            if new != line:
                assert len(new) == len(line)
                changed += 1
                if not dry:
                    os.pwrite(descriptor, new, offset)
        if changed and not dry:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return changed


def blank_terms(terms: Terms) -> Rewrite:
    """Overwrites what is forgotten with hash signs, and leaves the rest of the line."""

    def rewrite(line: bytes) -> bytes:
        # positions of characters are those of bytes
        text = line.decode("utf-8", "replace")
        if len(text) != len(line):
            return _blank_encoded(line, terms)
        for start, end in terms.spans(text):
            line = line[:start] + b"#" * (end - start) + line[end:]
        return line

    return rewrite


def _blank_encoded(line: bytes, terms: Terms) -> bytes:
    text = line.decode("utf-8", "surrogateescape")
    for start, end in terms.spans(text):
        before = text[:start].encode("utf-8", "surrogateescape")
        hidden = text[start:end].encode("utf-8", "surrogateescape")
        line = line[: len(before)] + b"#" * len(hidden) + line[len(before) + len(hidden) :]
    return line


def blank_lines(terms: Terms) -> Rewrite:
    """Overwrites a line that speaks of what is forgotten with spaces."""

    def rewrite(line: bytes) -> bytes:
        if not terms.quoted_in(line.decode("utf-8", "replace")):
            return line
        end = line[len(line.rstrip(b"\r\n")) :]
        return b" " * (len(line) - len(end)) + end

    return rewrite


def _lines(descriptor: int, terms: Terms) -> Iterator[tuple[int, bytes]]:
    """(offset, line with its end) of the file as it is now, of the blocks that speak of what is forgotten."""
    size = os.fstat(descriptor).st_size
    offset = 0
    while offset < size:
        data = os.pread(descriptor, min(LONGEST_LINE, size - offset), offset)
        if not data:
            return
        end = data.rfind(b"\n") + 1
        if not end:  # no line end: a piece, whose end is read again with the next
            yield offset, data
            offset += max(len(data) - OVERLAP, 1) if len(data) == LONGEST_LINE else len(data)
            continue
        if terms.occur_in(data[:end].decode("utf-8", "replace")):
            position = 0
            for line in data[:end].splitlines(keepends=True):
                yield offset + position, line
                position += len(line)
        offset += end
