"""Files of records: those that speak of a forgotten tweet are left out, the others keep every byte.

Delimited text and JSON Lines are read record by record, JSON by value, Parquet by row group; gzip is unpacked and
packed again. The file is replaced atomically and keeps its name, permissions and times. What cannot be read as such is
searched as bytes, and as far as it unpacks; it goes as a whole when it speaks of a forgotten tweet.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from sentiment_lib.erasure import values
from sentiment_lib.erasure.delimited_records import LONGEST_RECORD
from sentiment_lib.erasure.delimited_records import records as records_of
from sentiment_lib.erasure.json_values import every_pair, hidden_pairs, loads
from sentiment_lib.erasure.terms import ID_FIELDS, SHORTEST_ID, Terms
from sentiment_lib.errors import BadSource
from sentiment_lib.files import pinned
from sentiment_lib.settings import InputSettings
from sentiment_lib.sources.input_file import InputFile

#: Bytes that are searched at once, and those that are searched with the next as well, where no record is known.
PIECE, OVERLAP = 1 << 20, 1 << 16
#: Largest content that is read as one JSON value.
LARGEST_JSON = 256 << 20
#: Ending of the file beside a landed one that says why rows of it were refused.
REASONS = ".why.txt"
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
#: Encoding in which every byte is a character: what is kept is written as it was read.
_BYTES = "latin-1"


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What was done to a file."""

    #: records that spoke of a forgotten tweet
    records: int
    #: whether the whole file had to go
    removed: bool = False
    #: whether its records could be told apart
    readable: bool = True


class _Unreadable(Exception):
    """The file has no records that could be told apart."""


def search(path: Path, terms: Terms, limits: InputSettings | None = None, *, trusted: Path | None = None) -> Cleaned:
    """What `clean` would do.

    limits: of ingestion, its defaults if None. trusted: a folder below which no link is followed, by default the file's
    own. Raises FileNotFoundError, and OSError for a link.
    """
    with pinned(path, trusted=trusted) as file:
        return _search(_Source(file.content, path.name), terms, limits or InputSettings())


def clean(path: Path, terms: Terms, limits: InputSettings | None = None, *, trusted: Path | None = None) -> Cleaned:
    """Leave these records out of the file. Idempotent; a kill leaves the old file or the new one.

    A file or folder of the path that is exchanged meanwhile stays as it is. Raises what `search` raises, and OSError
    (ESTALE) for an exchanged file.
    """
    limits = limits or InputSettings()
    with pinned(path, trusted=trusted) as file:
        source = _Source(file.content, path.name)
        found = _search(source, terms, limits)
        if found.removed:
            file.require_current()
            file.entry.unlink()
        if found.removed or not found.records:
            return found
        with file.replaced() as draft:
            return _process(source, terms, limits, draft)


class _Source(NamedTuple):
    """An open file, and its name."""

    content: Path
    name: str


def _search(source: _Source, terms: Terms, limits: InputSettings) -> Cleaned:
    try:
        return _process(source, terms, limits, None)
    except FileNotFoundError:
        raise
    except (_Unreadable, BadSource, EOFError, OSError, RecursionError, zlib.error):
        speaks = _speaks_anywhere(source.content, terms, limits)
        return Cleaned(records=int(speaks), removed=speaks, readable=False)


def _speaks_anywhere(path: Path, terms: Terms, limits: InputSettings) -> bool:
    """Whether the bytes of a file, or what they unpack to as far as they do, speak of a forgotten tweet."""
    file_of_records = InputFile(path=path, limits=limits)
    for opened in (lambda: path.open("rb"), file_of_records.open_unpacked):
        before = b""
        try:
            with opened() as file:
                # what came before the damage is returned
                while piece := cast(BufferedReader, file).read1(PIECE):
                    if terms.quoted_in(_decoded(before + piece)):
                        return True
                    before = piece[-OVERLAP:]
        except FileNotFoundError:
            raise
        except (BadSource, EOFError, OSError, zlib.error):  # what is behind can be read by nobody
            continue
    return False


def _process(opened: _Source, terms: Terms, limits: InputSettings, target: Path | None) -> Cleaned:
    path = opened.content
    with path.open("rb") as file:
        start = file.read(4)
    if start == _PARQUET:
        return _parquet(path, terms, target)
    packed, source = start[:2] == _GZIP, InputFile(path=path, limits=limits)
    longest = max(LONGEST_RECORD, limits.maximum_json_characters)
    with source.open_unpacked() as content:
        is_json = _first_character(content) in "[{"
    if is_json and not _is_json_lines(source, longest):
        return _json(source, packed, terms, target)
    with source.open_unpacked() as content:
        tested = _tested(opened.name, records_of(_lines(content, longest)), terms)
        if target is None:
            return Cleaned(records=sum(found for _, found in tested))
        with _written(target, packed) as kept:
            records = 0
            for record, found in tested:
                records += found
                if not found:
                    kept.write(record)
    return Cleaned(records=records)


def _tested(name: str, records: Iterator[bytes], terms: Terms) -> Iterator[tuple[bytes, bool]]:
    """(record, whether it speaks of a forgotten tweet); a header does not, and reasons are prose."""
    if name.endswith(REASONS):
        yield from ((record, terms.quoted_in(_decoded(record))) for record in records)
        return
    for first in records:
        is_header, test = values.record_test(_decoded(first), terms)
        yield first, not is_header and test(_decoded(first))
        yield from ((record, test(_decoded(record))) for record in records)


def _written(target: Path, packed: bool) -> IO[bytes]:
    # without a time, so that the same content gives the same bytes
    return cast(IO[bytes], gzip.GzipFile(target, "wb", mtime=0) if packed else target.open("wb"))


def _first_character(source: IO[bytes]) -> str:
    return source.read(4096).decode(_BYTES).lstrip("\ufeff \t\r\nï»¿")[:1] or " "


def _is_json_lines(file: InputFile, longest: int) -> bool:
    """Whether the first line is a JSON value by itself, and there is another line."""
    with file.open_unpacked() as source:
        first = source.readline(longest)
        while first and not first.strip():
            first = source.readline(longest)
        try:
            value = json.loads(first)
        except ValueError:
            return False
        return not isinstance(value, list) and (bool(source.read(1)) or bool({*ID_FIELDS, "text"} & set(value)))


def _decoded(record: bytes) -> str:
    """A record as text, whatever its encoding: UTF-16 is read as such, other bytes one by one where not UTF-8."""
    if b"\0" in record:
        record = record.replace(b"\0", b"")
    try:
        return record.decode("utf-8")
    except UnicodeDecodeError:
        return record.decode(_BYTES)


def _lines(source: IO[bytes], longest: int) -> Iterator[bytes]:
    while line := source.readline(longest + 1):
        if len(line) > longest:
            raise _Unreadable
        yield line


def _json(file: InputFile, packed: bool, terms: Terms, target: Path | None) -> Cleaned:
    with file.open_unpacked() as source:
        content = source.read(LARGEST_JSON + 1)
    if len(content) > LARGEST_JSON:
        raise _Unreadable
    try:
        value = loads(content)
    except ValueError as error:  # refused by ingestion as well: nobody can say where a record ends
        raise _Unreadable from error
    kept, records = _without(value, terms)
    if target is not None:
        written = json.dumps(kept, ensure_ascii=False)
        try:
            encoded = written.encode()
        except UnicodeEncodeError:  # half a character, which is written as an escape
            encoded = json.dumps(kept).encode()
        with _written(target, packed) as draft:
            draft.write(encoded)
    return Cleaned(records=records)


def _without(value: Any, terms: Terms) -> tuple[Any, int]:
    """The JSON value without objects of lists, and values under an id, that speak of a forgotten tweet; their number.

    Of a field that an object names twice, the last value is kept.
    """
    if isinstance(value, list):
        kept, records = [], 0
        for item in value:
            if isinstance(item, list):
                item, more = _without(item, terms)
            elif isinstance(item, dict):
                item, more = _unkeyed(item, terms)
                if values.speaks(item, terms):
                    records += 1 + more
                    continue
                item, inner = _without(item, terms)
                more += inner
            elif more := int(values.speaks(item, terms)):
                records += more
                continue
            kept.append(item)
            records += more
        return kept, records
    if isinstance(value, dict):
        value, records = _unkeyed(value, terms)
        if not any(isinstance(item, dict | list) for _, item in every_pair(value)):
            return ({}, records + 1) if values.speaks(value, terms) else (value, records)
        records += sum(values.speaks({name: item}, terms) for name, item in hidden_pairs(value))
        pairs = {name: _without(item, terms) for name, item in value.items()}
        return {name: inner for name, (inner, _) in pairs.items()}, records + sum(more for _, more in pairs.values())
    speaks = values.speaks(value, terms)
    return (None, 1) if speaks else (value, 0)


def _unkeyed(value: dict[str, Any], terms: Terms) -> tuple[dict[str, Any], int]:
    """The object without fields that are named by a forgotten id, and how many there were."""
    gone = [name for name in value if len(name) >= SHORTEST_ID and terms.name_id(name)]
    return ({name: item for name, item in value.items() if name not in gone} if gone else value), len(gone)


def _parquet(path: Path, terms: Terms, target: Path | None) -> Cleaned:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file, ExitStack() as stack:
            records, schema = 0, file.schema_arrow
            writer = None if target is None else stack.enter_context(pq.ParquetWriter(target, schema))
            for batch in file.iter_batches(batch_size=10_000):
                keep = [not values.speaks(row, terms) for row in batch.to_pylist()]
                records += len(keep) - sum(keep)
                if writer is not None:
                    writer.write_table(pa.Table.from_batches([batch.filter(pa.array(keep))], schema=schema))
    except pa.ArrowException as error:
        raise _Unreadable from error
    return Cleaned(records=records)
