"""Where a record of delimited text or JSON Lines ends: quotation marks count as they do for the reader of files."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from sentiment_lib.erasure import values
from sentiment_lib.erasure.terms import ID_FIELDS, LONGEST_ID, SHORTEST_ID
from sentiment_lib.sources.delimited import BLOCK_LINES, Layout

#: A record is not longer: a quotation mark that is never closed must not make one of the rest of the file.
LONGEST_RECORD = 1 << 20
_ID_NAMES = frozenset(map(values.plain, ID_FIELDS))
_ID = re.compile(rf"\d{{{SHORTEST_ID},{LONGEST_ID}}}", re.ASCII)


def records(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The records of these lines, with their line ends.

    A mark opens a cell where the cell begins, and is a character of it elsewhere. Lines that an open cell joins are
    records of their own where they look so, and where the cell is not closed.
    """
    waiting, rest = deque[bytes](), iter(lines)
    layout: Layout | None = None

    def take() -> bytes | None:
        return waiting.popleft() if waiting else next(rest, None)

    while (first := take()) is not None:
        if first.lstrip()[:1] in (b"{", b"["):
            yield first
            continue
        if layout is None:
            layout = _layout(_characters(first))
        joined, is_closed = _joined(first, take, layout.separator) if b'"' in first else ([first], True)
        if len(joined) > 1 and (not is_closed or _are_records(joined, layout)):
            waiting.extendleft(reversed(joined[1:]))
            joined = joined[:1]
        yield b"".join(joined)


def _characters(line: bytes) -> str:
    """One for each byte, of UTF-16 for each that is not zero."""
    return line.replace(b"\0", b"").decode("latin-1")


def _layout(first: str) -> Layout:
    separator = values.separator_of(first)
    names = [name.strip('"\ufeffï»¿ \r\n') for name in first.split(separator)]
    known = (n for n, name in enumerate(names) if values.plain(name) in _ID_NAMES or _ID.fullmatch(name))
    return Layout(separator=separator, width=len(names), id_index=next(known, None), min_cells=len(names))


def _joined(first: bytes, take: Callable[[], bytes | None], separator: str) -> tuple[list[bytes], bool]:
    """The line with those that its open cell reaches over, and whether the cell is closed."""
    joined, size = [first], len(first)
    is_open = stays_open(_characters(first), separator)
    while is_open and len(joined) < BLOCK_LINES and size <= LONGEST_RECORD and (line := take()) is not None:
        joined.append(line)
        size += len(line)
        is_open = stays_open(_characters(line), separator, is_open=True)
    return joined, not is_open


def stays_open(line: str, separator: str, *, is_open: bool = False) -> bool:
    """Whether a quoted cell goes on behind this line; `is_open`: one goes on from the line before."""
    position = 0
    while True:
        if not is_open and line[position : position + 1] == '"':
            is_open, position = True, position + 1
        if is_open:
            end = line.find('"', position)
            if end < 0:
                return True
            if line[end + 1 : end + 2] == '"':  # doubled: a character of the cell
                position = end + 2
                continue
            is_open, position = False, end + 1
        position = line.find(separator, position) + 1
        if not position:
            return False


def _are_records(lines: list[bytes], layout: Layout) -> bool:
    looks_so = [layout.is_record(_characters(line)) for line in lines]
    return looks_so[0] and any(looks_so[1:])
