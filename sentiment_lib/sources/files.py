"""Tweets from CSV, JSON Lines and Parquet files, gzip or not; read as a stream, so memory stays flat."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import IO, Any

from sentiment_lib.errors import BadSource
from sentiment_lib.hashing import hash_file
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.sources.presets import FIELDS, Preset, preset

#: A damaged quote can swallow the rest of a file; a field beyond this is an error of the file, not a tweet.
LARGEST_FIELD = 64 << 20
PARQUET_ROWS = 10_000
CSV_ROWS = 1_000


class FileSource:
    """One file with a preset, and columns that differ from it (field → column)."""

    def __init__(
        self, path: Path, preset_name: str = "plain", columns: Mapping[str, str] | None = None, name: str | None = None
    ) -> None:
        self.path = path
        self._preset: Preset = preset(preset_name, columns)
        if not path.is_file():
            raise BadSource(source=path.name, problem="there is no such file")
        if path.stat().st_size == 0:
            raise BadSource(source=path.name, problem="the file is empty")
        try:
            digest = hash_file(path)
        except OSError as error:
            raise BadSource(source=path.name, problem=f"it cannot be opened ({error.strerror})") from error
        if columns:  # read with other columns, the same file is another input
            told = json.dumps([digest, sorted(self._preset.columns.items())])
            digest = hashlib.sha256(told.encode()).hexdigest()
        self.identity = SourceIdentity(
            name=name or (preset_name if preset_name != "plain" else path.name), digest=digest
        )

    def rows(self) -> Iterator[Row]:
        """Every row of the file."""
        try:
            yield from self._read()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadSource(source=self.path.name, problem=f"the gzip data is damaged or cut off ({error})") from error
        except csv.Error as error:
            raise BadSource(source=self.path.name, problem=f"it is not CSV ({error})") from error

    def _read(self) -> Iterator[Row]:
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
        if kind == ".parquet":
            yield from self._parquet()
        elif kind in (".jsonl", ".ndjson", ".json"):
            with self._open() as file:
                yield from self._json_lines(file)
        elif kind in (".csv", ".tsv", ".txt"):
            with self._open() as file:
                yield from self._csv(file, "\t" if kind == ".tsv" else ",")
        else:
            problem = f"the ending {kind or 'of its name'!r} is none of .csv, .tsv, .jsonl, .parquet (or with .gz)"
            raise BadSource(source=self.path.name, problem=problem)

    def _open(self) -> IO[str]:
        with self.path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        binary: Any = gzip.open(self.path, "rb") if zipped else self.path.open("rb")  # noqa: SIM115
        # bytes that are no UTF-8 become lone surrogates, which the check of the row finds
        return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _csv(self, file: IO[str], delimiter: str) -> Iterator[Row]:
        csv.field_size_limit(min(LARGEST_FIELD, sys.maxsize))
        reader = csv.reader(file, delimiter=delimiter)
        header = next(reader, None)
        if not header:
            raise BadSource(source=self.path.name, problem="the file is empty")
        places = self._places(header)
        width = len(header)
        lines = filter(None, reader)  # a line without anything is no row
        number, broken = 0, None
        while broken is None:
            together: list[list[str]] = []
            try:
                together.extend(islice(lines, CSV_ROWS))  # keeps what came before an error
            except (EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
                broken = error
            if not together:
                break
            yield from self._csv_rows(together, places, width, number)
            number += len(together)
        if broken is not None:
            raise broken

    def _csv_rows(self, lines: list[list[str]], places: dict[str, int], width: int, before: int) -> Iterator[Row]:
        """Rows of these lines, made column by column: hardly a step of Python for each."""
        labels = self._preset.labels
        if set(map(len, lines)) == {width}:
            columns: list[Iterable[str | None]] = list(zip(*lines, strict=True))
            picked = [columns[places[name]] if name in places else repeat(None) for name in FIELDS]
            if labels and "label" in places:
                place = FIELDS.index("label")
                picked[place] = [labels.get(label, label) for label in columns[places["label"]]]  # type: ignore[arg-type]
            yield from map(Row._make, zip(count(before + 1), lines, repeat(None), *picked, strict=False))
            return
        for number, cells in enumerate(lines, start=before + 1):
            if len(cells) != width:
                yield Row(number, cells, f"{len(cells)} columns where the header has {width}")
            else:
                yield from self._csv_rows([cells], places, width, number - 1)

    def _json_lines(self, file: IO[str]) -> Iterator[Row]:
        first = True
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Row(number, _clean(line), f"not JSON: {error}")
                continue
            if not isinstance(found, dict):
                yield Row(number, _clean(line), "not a JSON object")
                continue
            if first:
                self._places(list(found))
                first = False
            columns = {field: column for field, column in self._preset.columns.items() if column in found}
            nested = [column for column in columns.values() if isinstance(found[column], dict | list)]
            if nested:
                yield Row(number, _clean(line), f"the column {nested[0]!a} holds no plain value")
                continue
            yield self._row(number, line, {field: _text(found[column]) for field, column in columns.items()})

    def _parquet(self) -> Iterator[Row]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(self.path)
            places = self._places(file.schema_arrow.names)
            names = [self._preset.columns[field] for field in places]
            batches = (_rows_of(batch) for batch in file.iter_batches(PARQUET_ROWS, columns=names))
            for number, found in enumerate(chain.from_iterable(batches), start=1):
                values = {field: _text(found[self._preset.columns[field]]) for field in places}
                yield self._row(number, found, values)
        except (pa.ArrowException, OSError) as error:
            raise BadSource(source=self.path.name, problem=f"it is not Parquet ({error})") from error

    def _places(self, header: list[str]) -> dict[str, int]:
        """Field → position; BadSource names the columns that are missing."""
        places = {field: header.index(column) for field, column in self._preset.columns.items() if column in header}
        missing = [self._preset.columns[field] for field in self._preset.required if field not in places]
        if missing:
            shown = ", ".join(_clean(name)[:40] for name in header[:20])
            problem = f"it has no column {', '.join(map(repr, missing))}; its columns are: {shown}"
            raise BadSource(source=self.path.name, problem=problem)
        return places

    def _row(self, number: int, raw: Any, values: dict[str, str | None]) -> Row:
        label = values.get("label")
        if label is not None and self._preset.labels:
            values["label"] = self._preset.labels.get(label, label)
        return Row(number, _clean(raw) if isinstance(raw, str) else raw, None, **values)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return None if value is None else str(value)


def _rows_of(batch: Any) -> list[dict[str, Any]]:
    """Rows of a Parquet batch; where a string is no UTF-8, strings stay bytes for the check of the row to find."""
    import pyarrow as pa

    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except UnicodeDecodeError:
        fields = [field.with_type(pa.binary()) if pa.types.is_string(field.type) else field for field in batch.schema]
        rows = batch.cast(pa.schema(fields)).to_pylist()
    return rows


def _clean(line: str) -> str:
    # ASCII with escapes: NUL bytes and lone surrogates must reach the quarantine unharmed
    return json.dumps(line.rstrip("\r\n"), ensure_ascii=True)
