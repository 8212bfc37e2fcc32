"""Rows of a Parquet file, in batches of limited size whatever the file unpacks to.

A few bytes of Parquet can stand for gigabytes: a large value in a dictionary that every row refers to, pages that
compress well, values that repeat the one before. Sizes are therefore known from footer and page headers before anything
is unpacked; strings stay dictionary-coded, so that equal ones are in memory once; and batches have fewer rows where
values are large.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

from sentiment_lib.errors import BadSource
from sentiment_lib.settings import InputSettings
from sentiment_lib.sources.parquet_pages import BadPage, Page, chunks, pages

BATCH_ROWS = 10_000
#: Size of a batch, estimated from its pages.
BATCH_BYTES = 16 << 20
#: Limits of the footer, and of its lists as they are allocated.
LARGEST_FOOTER, LONGEST_LIST = 4 << 20, 100_000
#: A dictionary is unpacked as a whole, at several times its size.
LARGEST_DICTIONARY = 8 << 20
#: Lengths of all values of a page are in memory together.
MOST_VALUES = 4 << 20
_MAGIC = b"PAR1"


class ParquetRows:
    """Reads some columns of a file, whose names are `names`. Raises BadSource, without the name of a source."""

    def __init__(self, file: IO[bytes], limits: InputSettings) -> None:
        import pyarrow.parquet as pq

        self._file, self._limits = file, limits
        self._check_footer()
        options = {"thrift_string_size_limit": LARGEST_FOOTER, "thrift_container_size_limit": LONGEST_LIST}
        schema = pq.ParquetFile(file, **options)
        self.names: list[str] = schema.schema_arrow.names
        if len(self.names) > limits.maximum_columns:
            raise BadSource(source="", problem=f"it has {len(self.names)} columns, more than {limits.maximum_columns}")
        types = {field.name: field.type for field in schema.schema_arrow}
        self._plain = {name for name in self.names if _is_plain(types[name])}
        self._strings = {name for name in self._plain if _is_string(types[name])}
        self._options = options

    def holds_no_plain_value(self, column: str) -> bool:
        """Whether the values of a column are lists, objects or of a type that no field has."""
        return column not in self._plain

    def rows(self, columns: Iterable[str]) -> Iterator[tuple[dict[str, Any], str | None]]:
        """(column → value, problem) of each row. A cell that is too long is cut, and is the problem."""
        import pyarrow.parquet as pq

        names = sorted(set(columns))
        try:
            sizes = [self._batch_rows(group, names) for group in chunks(self._footer)]
        except BadPage as error:
            raise BadSource(source="", problem=f"it is not Parquet ({error})") from error
        # pages are read as they are needed, not whole columns
        options = {"read_dictionary": sorted(self._strings), "buffer_size": 1 << 20, **self._options}
        parquet = pq.ParquetFile(self._file, **options)
        for group, size in enumerate(sizes):
            for batch in parquet.iter_batches(size, row_groups=[group], columns=names):
                yield from self._decoded(batch, names)

    def _decoded(self, batch: Any, names: list[str]) -> Iterator[tuple[dict[str, Any], str | None]]:
        cells: list[list[Any]] = []
        long: set[tuple[int, str]] = set()
        for name in names:
            values, too_long = self._cells(batch.column(name))
            cells.append(values)
            long.update((index, name) for index in too_long)
        problems = {
            index: f"the column {name!a} holds more than {self._limits.maximum_row_characters} characters"
            for index, name in long
        }
        for index, row in enumerate(zip(*cells, strict=True)):
            yield dict(zip(names, row, strict=True)), problems.get(index)

    def _cells(self, array: Any) -> tuple[list[Any], list[int]]:
        """Values of a column of a batch, and the indices of those that were cut because they are too long."""
        import pyarrow as pa

        maximum = self._limits.maximum_row_characters
        if not pa.types.is_dictionary(array.type):
            if not _is_string(array.type):
                return array.to_pylist(), []
            array = array.dictionary_encode()
        dictionary, long = [], set()
        for index, value in enumerate(_values(array.dictionary)):
            if isinstance(value, str | bytes) and len(value) > maximum:
                long.add(index)
                value = value[:maximum]
            dictionary.append(value)
        indices = array.indices.to_pylist()
        # Arrow does not compare the indices of a damaged page with the dictionary
        if any(index is not None and not 0 <= index < len(dictionary) for index in indices):
            raise BadSource(source="", problem="it is not Parquet (a value is not in the dictionary of its column)")
        cells = [None if index is None else dictionary[index] for index in indices]
        return cells, [row for row, index in enumerate(indices) if index in long] if long else []

    def _check_footer(self) -> None:
        self._file.seek(0, 2)
        size = self._file.tell()
        self._file.seek(max(size - 8, 0))
        tail = self._file.read(8)
        footer = int.from_bytes(tail[:4], "little")
        if tail[4:] == _MAGIC and footer > LARGEST_FOOTER:
            raise BadSource(source="", problem=f"its footer has {footer} bytes, more than {LARGEST_FOOTER}")
        self._file.seek(max(size - 8 - footer, 0))
        self._footer = self._file.read(footer) if footer <= LARGEST_FOOTER else b""
        self._file.seek(0)

    def _batch_rows(self, group: list[tuple[str, int, int]], names: list[str]) -> int:
        """How many rows of a row group fit into a batch. Raises BadSource for a page that is too large."""
        rows = BATCH_ROWS
        for path, start, length in group:
            if path in names:
                for page in pages(self._file, start, length):
                    rows = min(rows, self._checked(page))
                    if not page.fits_dictionary:
                        self._strings.discard(path)
        return max(rows, 1)

    def _checked(self, page: Page) -> int:
        """Rows that fit into a batch with values of this page. Raises BadSource."""
        maximum = self._limits.maximum_page_bytes
        if page.is_dictionary:
            maximum = min(maximum, LARGEST_DICTIONARY)
        if page.unpacked_bytes > maximum or page.values > (maximum if page.is_dictionary else MOST_VALUES):
            size = f"{page.unpacked_bytes} bytes and {page.values} values"
            problem = f"one of its pages unpacks to {size}, more than {maximum} bytes or {MOST_VALUES} values"
            raise BadSource(source="", problem=problem)
        if page.is_dictionary or page.unpacked_bytes == 0:
            return BATCH_ROWS
        return int(BATCH_BYTES / page.unpacked_bytes * (1 if page.repeats_values else max(page.values, 1)))


def _values(dictionary: Any) -> list[Any]:
    """The values as Python objects; where one is not UTF-8, all stay bytes, for which the row is quarantined."""
    import pyarrow as pa

    try:
        values: list[Any] = dictionary.to_pylist()
    except UnicodeDecodeError:
        values = dictionary.cast(pa.binary()).to_pylist()
    return values


def _is_string(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    tests = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(test(kind) for test in (*tests, types.is_string_view, types.is_binary_view))


def _is_plain(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    if types.is_fixed_size_binary(kind):
        return bool(kind.byte_width <= 64)
    return any(test(kind) for test in (_is_string, types.is_null, types.is_primitive, types.is_decimal))
