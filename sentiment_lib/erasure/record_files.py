"""Files of records: those that speak of a forgotten tweet are left out, the others keep every byte.

Delimited text and JSON Lines are read record by record, JSON by value, Parquet by row group; gzip is unpacked and
packed again. The file is replaced atomically and keeps its name, permissions and times.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from sentiment_lib.erasure import values
from sentiment_lib.erasure.terms import ID_FIELDS, Terms
from sentiment_lib.files import replace_atomically

#: A record is not longer: a quotation mark that is never closed must not make one of the rest of the file.
LONGEST_RECORD = 1 << 20
#: Largest file that is read as one JSON value; a larger one is removed whole, since its tweets are stored.
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


def count(path: Path, terms: Terms) -> int:
    """Number of records that speak of a forgotten tweet."""
    return _process(path, terms, None).records


def clean(path: Path, terms: Terms) -> Cleaned:
    """Leave these records out of the file. Idempotent; a kill leaves the old file or the new one."""
    if not _process(path, terms, None).records:
        return Cleaned(records=0)
    status = path.stat()
    with replace_atomically(path) as draft:
        cleaned = _process(path, terms, draft)
        shutil.copymode(path, draft)
        os.utime(draft, ns=(status.st_atime_ns, status.st_mtime_ns))
    if cleaned.removed:
        path.unlink()
    return cleaned


def _process(path: Path, terms: Terms, target: Path | None) -> Cleaned:
    with path.open("rb") as file:
        start = file.read(4)
    if start == _PARQUET:
        return _parquet(path, terms, target)
    packed = start[:2] == _GZIP
    with _opened(path, "rb", packed) as source:
        if _first_character(source) in "[{" and not _is_json_lines(path, packed):
            return _json(path, packed, terms, target)
    with _opened(path, "rb", packed) as source:
        if target is None:
            return Cleaned(records=sum(found for _, found in _tested(path, source, terms)))
        with _opened(target, "wb", packed) as kept:
            records = 0
            for record, found in _tested(path, source, terms):
                records += found
                if not found:
                    kept.write(record)
    return Cleaned(records=records)


def _tested(path: Path, source: IO[bytes], terms: Terms) -> Iterator[tuple[bytes, bool]]:
    """(record, whether it speaks of a forgotten tweet); a header does not, and reasons are prose."""
    records = _records(source)
    if path.name.endswith(REASONS):
        yield from ((record, terms.quoted_in(_decoded(record))) for record in records)
        return
    for first in records:
        is_header, test = values.record_test(_decoded(first), terms)
        yield first, not is_header and test(_decoded(first))
        yield from ((record, test(_decoded(record))) for record in records)


def _opened(path: Path, mode: str, packed: bool) -> IO[bytes]:
    # without a time, so that the same content gives the same bytes
    file = gzip.GzipFile(path, mode, mtime=0) if packed else path.open(mode)
    return cast(IO[bytes], file)


def _first_character(source: IO[bytes]) -> str:
    return source.read(4096).decode(_BYTES).lstrip("\ufeff \t\r\nï»¿")[:1] or " "


def _is_json_lines(path: Path, packed: bool) -> bool:
    """Whether the first line is a JSON value by itself, and there is another line."""
    with _opened(path, "rb", packed) as source:
        first = source.readline(LONGEST_RECORD)
        while first and not first.strip():
            first = source.readline(LONGEST_RECORD)
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


def _records(source: IO[bytes]) -> Iterator[bytes]:
    """Records of delimited text or JSON Lines with their line ends; one ends where its quotation marks are closed."""
    record = b""
    for line in source:
        record += line
        is_json = record.lstrip()[:1] in (b"{", b"[")
        if is_json or record.count(b'"') % 2 == 0 or len(record) > LONGEST_RECORD:
            yield record
            record = b""
    if record:
        # a mark that is never closed: each of its lines is a record
        yield from record.splitlines(keepends=True)


def _json(path: Path, packed: bool, terms: Terms, target: Path | None) -> Cleaned:
    if path.stat().st_size > LARGEST_JSON:
        return Cleaned(records=1, removed=True)
    with _opened(path, "rb", packed) as source:
        content = source.read()
    try:
        value = json.loads(content)
    except ValueError:  # refused by ingestion as well: nobody can say where a record ends
        found = terms.occur_in(_decoded(content))
        if target is not None and found:
            target.touch()
        return Cleaned(records=int(found), removed=found)
    kept, records = _without(value, terms)
    if target is not None:
        with _opened(target, "wb", packed) as file:
            file.write(json.dumps(kept, ensure_ascii=False).encode())
    return Cleaned(records=records)


def _without(value: Any, terms: Terms) -> tuple[Any, int]:
    """The JSON value without objects of lists that speak of a forgotten tweet, and their number."""
    if isinstance(value, list):
        kept, records = [], 0
        for item in value:
            if not isinstance(item, dict | list):
                speaks = values.speaks(item, terms)
                records += speaks
                if not speaks:
                    kept.append(item)
            elif isinstance(item, dict) and values.speaks(item, terms):
                records += 1
            else:
                inner, more = _without(item, terms)
                kept.append(inner)
                records += more
        return kept, records
    if isinstance(value, dict):
        if not any(isinstance(item, dict | list) for item in value.values()):
            return ({}, 1) if values.speaks(value, terms) else (value, 0)
        pairs = {name: _without(item, terms) for name, item in value.items()}
        return {name: inner for name, (inner, _) in pairs.items()}, sum(more for _, more in pairs.values())
    speaks = values.speaks(value, terms)
    return (None, 1) if speaks else (value, 0)


def _parquet(path: Path, terms: Terms, target: Path | None) -> Cleaned:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = 0
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        writer = pq.ParquetWriter(target, schema) if target is not None else None
        try:
            for batch in file.iter_batches(batch_size=10_000):
                rows = batch.to_pylist()
                keep = [not values.speaks(row, terms) for row in rows]
                records += len(keep) - sum(keep)
                if writer is not None:
                    writer.write_table(pa.Table.from_batches([batch.filter(pa.array(keep))], schema=schema))
        finally:
            if writer is not None:
                writer.close()
    return Cleaned(records=records)
