"""Page headers of a Parquet file, read before any page is unpacked.

The footer states sizes of column chunks only, and a page's own header decides how much memory the page takes. Format:
https://parquet.apache.org/docs/file-format/data-pages/, in Thrift's compact protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

#: Headers hold statistics: smallest and largest value.
_HEADER_BYTES = 256 << 10
_DELTA_LENGTHS, _DELTA_BYTES = 6, 7
_DICTIONARY_PAGE = 2
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12
_MAX_DEPTH = 12


class BadPage(ValueError):
    """A page header that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page takes when it is unpacked."""

    is_dictionary: bool
    unpacked_bytes: int
    values: int
    #: whether values repeat the beginning of the value before, so that all together may be larger than the page
    repeats_values: bool
    #: whether Arrow can keep the values as a dictionary
    fits_dictionary: bool


def pages(file: IO[bytes], start: int, length: int) -> Iterator[Page]:
    """The pages of a column chunk. Raises BadPage."""
    at, end = start, start + length
    while at < end:
        file.seek(at)
        header = _Reader(file.read(min(_HEADER_BYTES, end - at)))
        fields = header.struct()
        kind, unpacked, packed = (fields.get(number) for number in (1, 2, 3))
        details: Fields = next((fields[number] for number in (5, 7, 8) if isinstance(fields.get(number), dict)), {})
        assert isinstance(details, dict)
        # number of values, and encoding: fields 1 and 2 of both kinds but data pages of version 2
        values, coding = details.get(1), details.get(4 if 8 in fields else 2)
        if not (isinstance(kind, int) and isinstance(unpacked, int) and isinstance(packed, int)):
            raise BadPage("a page header is incomplete")
        if min(unpacked, packed) < 0 or at + header.at + packed > end:
            raise BadPage("a page header states sizes that cannot be")
        at += header.at + packed
        yield Page(
            is_dictionary=kind == _DICTIONARY_PAGE,
            unpacked_bytes=unpacked,
            values=values if isinstance(values, int) else 0,
            repeats_values=coding == _DELTA_BYTES,
            fits_dictionary=coding not in (_DELTA_LENGTHS, _DELTA_BYTES),
        )


Fields = dict[int, Any]


def chunks(footer: bytes) -> list[list[tuple[str, int, int]]]:
    """(column, start, length) of each column chunk of each row group, from the footer. Raises BadPage.

    Arrow's own metadata objects end the process for some damaged footers.
    """
    groups = _Reader(footer).struct().get(4) or []
    return [[_chunk(column) for column in group.get(1) or []] for group in groups]


def _chunk(column: Any) -> tuple[str, int, int]:
    try:
        fields = column[3]
        starts = [fields[number] for number in (9, 11) if fields.get(number)]
        path = b".".join(fields[3]).decode("utf-8", "surrogateescape")
        return path, min(starts), int(fields[7])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadPage("its footer is damaged") from error


class _Reader:
    """Reads a struct of Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> Fields:
        """Field number → integer, truth value, bytes, list or struct; None for others. Raises BadPage."""
        if depth > _MAX_DEPTH:
            raise BadPage("a page header is nested too deeply")
        fields: Fields = {}
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._integer()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _BOOLEANS:
            return kind == _BOOLEANS[0]
        if kind in _INTEGERS:
            return self._integer()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_BYTE, _DOUBLE):
            self._skip(1 if kind == _BYTE else 8)
        elif kind == _BINARY:
            start = (count := self._unsigned(), self.at)[1]
            self._skip(count)
            return self._data[start : self.at]
        elif kind in _LISTS:
            return self._list(depth)
        else:
            raise BadPage("a page header has a field of an unknown kind")
        return None

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = self._unsigned() if head >> 4 == 15 else head >> 4
        if head & 15 in _BOOLEANS:
            self._skip(count)
            return []
        if count > len(self._data) - self.at:
            raise BadPage("a list is longer than its header")
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _integer(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)

    def _unsigned(self) -> int:
        number = shift = 0
        while shift < 64:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
        raise BadPage("a page header holds a number that is too long")

    def _byte(self) -> int:
        self._skip(1)
        return self._data[self.at - 1]

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self._data):
            raise BadPage("a page header is cut off or too long")
