"""Texts from the Try page's form: one per line, or the text column of a CSV file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from sentiment_lib.errors import BadInput
from sentiment_lib.settings import InputSettings
from sentiment_lib.sources import encoding, header
from sentiment_lib.sources.delimited import SEPARATORS, BadRecord, Layout, RecordReader, is_quoted
from sentiment_lib.sources.input_file import limited_lines
from sentiment_lib.text.limits import bad_text

#: Names of the text column, in order of preference.
COLUMNS = ("text", "tweet", "content", "message")


@dataclass(frozen=True)
class InputText:
    """One text with its number in the input, and why the model cannot take it, if so."""

    number: int
    text: str
    problem: str | None


def parse_lines(typed: str, maximum: int) -> list[InputText]:
    """One text for each line that is not blank. Raises BadInput for more than `maximum`, however many follow."""
    # not splitlines(): it also splits at characters that occur inside a tweet, such as U+2028
    rows = typed.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    stripped = ((number, row.strip()) for number, row in enumerate(rows, start=1))
    lines = list(islice(((number, line) for number, line in stripped if line), maximum + 1))
    if len(lines) > maximum:
        raise BadInput(what="the text", problem=f"it has more than {maximum:,} lines")
    return [InputText(number, line, bad_text(line)) for number, line in lines]


def parse_csv(content: bytes, maximum: int) -> list[InputText]:
    """The texts of a CSV file: its column `text` (or tweet, content, message), or its only column.

    Read as ingestion reads files: encodings and separators are detected, and a stray quotation mark costs its own
    line only. Raises BadInput for another encoding, a file without such a column, or more than `maximum` rows.
    """
    what = "the file"
    name = encoding.detect(io.BytesIO(content))
    if name is None:
        raise BadInput(what=what, problem="it is not UTF-8, nor UTF-16 or Windows-1252")
    try:
        text = content.decode("utf-8-sig" if name == "utf-8" else name)
    except UnicodeDecodeError as error:
        raise BadInput(what=what, problem=f"it is not {name.upper()} at byte {error.start}") from error
    if "\x00" in text:
        raise BadInput(what=what, problem="it contains NUL bytes, so it is not CSV")
    limits = InputSettings()
    lines = limited_lines(io.StringIO(text, newline=""), limits.maximum_row_characters)
    first, skipped, separator = "", 0, None
    for line in lines:
        skipped += 1
        if len(line) > limits.maximum_row_characters:
            problem = f"its line {skipped} has more than {limits.maximum_row_characters:,} characters"
            raise BadInput(what=what, problem=problem)
        if (stated := header.separator_line(line)) is not None:
            separator = stated
        elif line.strip():
            first = line
            break
    if not first:
        raise BadInput(what=what, problem="it is empty")
    names, column, separator, has_header = _text_column(first, separator)
    if len(names) > limits.maximum_columns:
        raise BadInput(what=what, problem=f"it has more than {limits.maximum_columns:,} columns")
    layout = Layout(separator=separator, width=len(names), min_cells=column + 1)
    if separator == "\t":
        whole = limited_lines(io.StringIO(text, newline=""), layout.longest)
        layout = replace(layout, quoted=is_quoted(whole, layout))
    rest = lines if has_header else chain([first], lines)
    # reading stops one row above the maximum
    rows = list(islice(_rows(rest, layout, skipped + 1 if has_header else skipped, column), maximum + 1))
    if len(rows) > maximum:
        raise BadInput(what=what, problem=f"it has more than {maximum:,} rows")
    return [InputText(number, cell, problem) for number, (cell, problem) in enumerate(rows, start=1)]


def _text_column(line: str, separator: str | None) -> tuple[list[str], int, str, bool]:
    """Column names, position of the text, separator, and whether the line is a header. Raises BadInput."""
    readings = [(header.cells_of(line, sign), sign) for sign in ([separator] if separator else SEPARATORS)]
    for name in COLUMNS:
        for names, sign in readings:
            spelled = [cell.strip().lower() for cell in names]
            if name in spelled:
                return names, spelled.index(name), sign, True
    names, sign = readings[0]
    if len(names) == 1:
        return names, 0, sign, False
    raise BadInput(what="the file", problem=f"it has no column named {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}")


def _rows(lines: Iterator[str], layout: Layout, first_line: int, column: int) -> Iterator[tuple[str, str | None]]:
    """(text, problem) of each row that is not blank."""
    for block in RecordReader(lines, layout, first_line=first_line):
        if isinstance(block, BadRecord):
            yield block.raw.strip(), block.problem
            continue
        for record in block:
            if len(record) > layout.width:
                yield " ".join(record), f"{len(record)} columns where the header has {layout.width}"
            elif any(cell.strip() for cell in record):
                cell = record[column].strip() if column < len(record) else ""
                yield cell, bad_text(cell)
