"""Tweets from CSV, JSON and Parquet files, gzip or not, read as a stream: memory stays flat.

The form of a file is detected where it is unambiguous; `notes` lists what was detected. Otherwise the error names the
option that states it.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import count, repeat
from pathlib import Path
from typing import IO, Any

from sentiment_lib.errors import BadInput, BadSource
from sentiment_lib.settings import InputSettings
from sentiment_lib.sources import encoding, header, json_records
from sentiment_lib.sources.base import Line, Row, SourceIdentity
from sentiment_lib.sources.delimited import BadRecord, Layout, RecordReader, is_quoted
from sentiment_lib.sources.input_file import InputFile, limited_lines
from sentiment_lib.sources.parquet_rows import ParquetRows
from sentiment_lib.sources.presets import FIELDS, UNIT_ID, UNIT_ID_ADVICE, Preset, preset
from sentiment_lib.sources.read_options import ReadOptions
from sentiment_lib.sources.tweet_json import fields_of, label_studio_fields
from sentiment_lib.sources.values import parse_tweet_id
from sentiment_lib.tweet_ids import id_time

#: A row of a tuple with a value for each of its fields, at half the cost of Row._make.
_NEW_ROW = partial(tuple.__new__, Row)


class FileSource:
    """One file with a preset, columns that differ from it (field → column), and options.

    Raises BadSource for a file that is missing, empty or may not be opened, BadInput for an unknown preset or column.
    """

    def __init__(
        self,
        path: Path,
        preset_name: str | Preset = "plain",
        columns: Mapping[str, str] | None = None,
        name: str | None = None,
        options: ReadOptions | None = None,
        *,
        limits: InputSettings | None = None,
        follow_links: bool = True,
    ) -> None:
        self.path = path
        self._limits = limits or InputSettings()
        self._file = InputFile(path=path, limits=self._limits, follow_links=follow_links)
        self._options = options or ReadOptions()
        if isinstance(preset_name, Preset):
            self._preset, preset_name = preset_name, "plain"
        else:
            self._preset = preset(preset_name, columns, self._options.labels)
        self._explicit = dict(columns or {})
        self._converters = self._options.converters(self._preset)
        self._reads_tweet_json = preset_name == "plain"
        #: what was detected about the form of the file
        self.notes: list[str] = []
        #: what to try when no row can be read
        self.advice: str | None = None
        digest = self._file.digest()
        if columns or self._options != ReadOptions():  # the same file with other options is another input
            reading: list[object] = [digest, sorted(self._preset.columns.items())]
            if self._options != ReadOptions():
                reading.append(asdict(self._options))
            digest = hashlib.sha256(json.dumps(reading).encode()).hexdigest()
        if name is not None and not name.isprintable():
            raise BadInput(what=f"the name {name!a} of a source", problem="it is not UTF-8 or has control characters")
        default = preset_name if preset_name != "plain" else self._file.name
        self.identity = SourceIdentity(name=name or default, digest=digest)

    def rows(self) -> Iterator[Row]:
        """Every row of the file. Raises BadSource where it cannot be read further."""
        self.notes.clear()
        try:
            yield from self._read()
        except BadSource as error:
            raise BadSource(source=self._file.name, problem=str(error.details["problem"])) from error
        except UnicodeError as error:
            raise BadSource(source=self._file.name, problem=f"its encoding is another: {error.reason}") from error  # type: ignore[attr-defined]
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadSource(source=self._file.name, problem=f"the gzip data is damaged or cut off ({error})") from error
        except csv.Error as error:
            raise BadSource(source=self._file.name, problem=f"it is not CSV ({error})") from error
        except json_records.BrokenDocument as error:
            raise BadSource(source=self._file.name, problem=f"it is not JSON ({error})") from error

    def _read(self) -> Iterator[Row]:
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
        if kind == ".parquet":
            yield from self._parquet()
        elif kind in (".jsonl", ".ndjson", ".json"):
            with self._open() as file:
                yield from self._json(file)
        elif kind in (".csv", ".tsv", ".txt"):
            yield from self._delimited("\t" if kind == ".tsv" else ",")
        else:
            known = ".csv, .tsv, .txt, .json, .jsonl, .parquet, each also with .gz"
            problem = f"the ending {kind or 'of its name'!a} is none of {known}"
            raise BadSource(source=self._file.name, problem=problem)

    def _open(self) -> IO[str]:
        name = self._options.encoding
        if name is None:
            with self._file.open_unpacked() as binary:
                name = encoding.detect(binary)
            if name is None:
                problem = "it is not UTF-8, nor UTF-16 or Windows-1252: name its encoding with --encoding"
                raise BadSource(source=self._file.name, problem=problem)
            if name not in ("utf-8", "utf-8-sig"):
                self._note(f"read as {'Windows-1252' if name == 'cp1252' else name.upper()}, not UTF-8")
        content = self._file.open_unpacked()
        if name.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig"):
            # bytes that are not UTF-8 become lone surrogates, for which a row is quarantined
            return io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")
        return io.TextIOWrapper(content, encoding=name, newline="")

    def _note(self, what: str) -> None:
        if what not in self.notes:
            self.notes.append(what)

    def _delimited(self, default: str) -> Iterator[Row]:
        with self._open() as file:
            columns, skipped = self._header(file, default)
            layout = Layout(
                separator=columns.separator,
                width=len(columns.names),
                id_index=columns.positions.get("tweet_id"),
                date_index=columns.positions.get("created_at") if "created_at" in self._preset.required else None,
                min_cells=1 + max(columns.positions[name] for name in self._preset.required),
                longest=self._limits.maximum_row_characters,
            )
        if UNIT_ID in columns.names and "tweet_id" not in self._explicit:
            self.advice = UNIT_ID_ADVICE
        if columns.separator != default:
            self._note(f"columns are separated by {'tabs' if columns.separator == chr(9) else columns.separator}")
        if layout.separator == "\t":
            with self._open() as file:
                layout = replace(layout, quoted=is_quoted(limited_lines(file, layout.longest), layout))
        with self._open() as file:
            for _ in range(skipped):
                next(file)
            number = 0
            lines = limited_lines(file, layout.longest)
            for records in RecordReader(lines, layout, first_line=skipped + 1):
                if isinstance(records, BadRecord):
                    number += 1
                    yield Row(number, Line(records.raw), records.problem)
                else:
                    yield from self._rows_of(records, columns.positions, layout, number)
                    number += len(records)

    def _header(self, file: IO[str], default: str) -> tuple[header.Header, int]:
        """The header and the number of lines before the first row."""
        separator, skipped = self._options.separator_character, 0
        longest = self._limits.maximum_row_characters
        for line in limited_lines(file, longest):
            skipped += 1
            if len(line) > longest:
                raise BadSource(source="", problem=f"its line {skipped} has more than {longest} characters")
            if (stated := header.separator_line(line)) is not None:
                separator = separator or stated
            elif line.strip():
                break
        else:
            raise BadSource(source=self._file.name, problem="the file is empty")
        columns = header.find(line, self._preset, default=default, separator=separator)
        if len(columns.names) > self._limits.maximum_columns:
            problem = f"it has {len(columns.names)} columns, more than {self._limits.maximum_columns}"
            raise BadSource(source="", problem=problem)
        if not columns.is_line:
            self._note(f"it has no header; its columns are taken to be {', '.join(columns.names)}")
        return columns, skipped if columns.is_line else skipped - 1

    def _rows_of(
        self, records: list[list[str]], positions: dict[str, int], layout: Layout, before: int
    ) -> Iterator[Row]:
        """Rows of these records, made column by column."""
        if set(map(len, records)) == {layout.width}:
            columns = list(zip(*records, strict=True))
            cells = {name: columns[position] for name, position in positions.items()}
            ids = cells.get("tweet_id", [None] * len(records))
            picked = [self._converted(name, cells.get(name), ids) for name in FIELDS]
            yield from map(_NEW_ROW, zip(count(before + 1), records, repeat(None), *picked, strict=False))
            return
        for number, record in enumerate(records, start=before + 1):
            if not layout.min_cells <= len(record) <= layout.width:
                content = record[: self._limits.maximum_columns]
                yield Row(number, content, f"{len(record)} columns where the header has {layout.width}")
            else:  # spreadsheets leave out empty cells at the end
                padded = record + [""] * (layout.width - len(record))
                yield from self._rows_of([padded], positions, layout, number - 1)

    def _converted(
        self, name: str, cells: Sequence[str | None] | None, ids: Sequence[str | None]
    ) -> Iterable[str | None]:
        """The cells of a field in the form that validation expects."""
        if name == "created_at" and self._is_date_from_id(cells is None):
            return map(_date_of_id, ids)
        if cells is None:
            return repeat(None)
        convert = self._converters.get(name)
        return cells if convert is None else [cell and convert(cell) for cell in cells]

    def _is_date_from_id(self, missing: bool) -> bool:
        columns = self._preset.columns
        return (missing and self._preset.date_from_id) or columns.get("created_at") == columns["tweet_id"]

    def _json(self, file: IO[str]) -> Iterator[Row]:
        first = True
        for number, (content, value) in enumerate(json_records.values(file, self._limits), start=1):
            if isinstance(value, json_records.BadValue):
                yield Row(number, Line(value.raw), value.problem)
                continue
            raw = content if content is not None else Line(str(value))
            if not isinstance(value, dict):
                yield Row(number, raw, "not a JSON object")
                continue
            cells = self._fields(value, check=first)
            first = False
            nested = [name for name, cell in cells.items() if isinstance(cell, dict | list)]
            if required := [name for name in nested if name in self._preset.required]:
                column = self._preset.columns.get(required[0], required[0])
                yield Row(number, raw, f"the column {column!a} holds no plain value")
                continue
            values = {name: None if name in nested else _text(cell) for name, cell in cells.items()}
            yield self._row(number, raw, values)

    def _fields(self, value: dict[str, Any], *, check: bool) -> dict[str, Any]:
        """Field → value of an object: a tweet in a known form, or columns of the preset."""
        expected = self._preset
        columns = {name: value[column] for name, column in expected.columns.items() if column in value}
        form = fields_of(value) if self._reads_tweet_json else None
        if form is None and "annotations" in value and "label" in expected.required:
            form = label_studio_fields(value)
        if form is not None:
            explicit = {name: cell for name, cell in columns.items() if name in self._explicit}
            labels = {name: cell for name, cell in columns.items() if name in ("label", "confidence", "labelled_at")}
            return {**form, **labels, **explicit}
        if len(columns) < len(expected.required) or check:
            positions = header.positions_of(list(value), expected)
            names = list(value)
            columns = {**{name: value[names[position]] for name, position in positions.items()}, **columns}
            if check and (missing := header.missing_fields(columns, expected)) and not expected.date_from_id:
                raise BadSource(source=self._file.name, problem=header.missing_columns(names, missing, expected))
        return columns

    def _parquet(self) -> Iterator[Row]:
        import pyarrow as pa

        try:
            with self._file.open() as opened:
                file = ParquetRows(opened, self._limits)
                positions = header.positions_of(file.names, self._preset)
                if missing := header.missing_fields(positions, self._preset):
                    raise BadSource(source="", problem=header.missing_columns(file.names, missing, self._preset))
                columns = {name: file.names[position] for name, position in positions.items()}
                nested = [name for name, column in columns.items() if file.holds_no_plain_value(column)]
                if required := [name for name in nested if name in self._preset.required]:
                    problem = f"its column {columns[required[0]]!a} holds no plain values"
                    raise BadSource(source="", problem=problem)
                columns = {name: column for name, column in columns.items() if name not in nested}
                for number, (record, too_long) in enumerate(file.rows(columns.values()), start=1):
                    if too_long is not None:
                        yield Row(number, record, too_long)
                    else:
                        yield self._row(number, record, {name: _text(record[c]) for name, c in columns.items()})
        except (pa.ArrowException, OSError) as error:
            raise BadSource(source=self._file.name, problem=f"it is not Parquet ({error})") from error

    def _row(self, number: int, raw: Any, values: dict[str, str | None]) -> Row:
        for name, convert in self._converters.items():
            if cell := values.get(name):
                values[name] = convert(cell)
        if self._is_date_from_id("created_at" not in values):
            values["created_at"] = _date_of_id(values.get("tweet_id"))
        return Row(number, raw, None, **values)


def _date_of_id(tweet_id: str | None) -> str | None:
    number, _ = parse_tweet_id(tweet_id)
    moment = id_time(number) if number is not None else None
    return moment.isoformat() if moment else None


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return None if value is None else str(value)
