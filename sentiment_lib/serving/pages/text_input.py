"""Texts from the Try page's form: one a line, or the text column of a CSV file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from sentiment_lib.errors import BadInput
from sentiment_lib.text.limits import bad_text

#: Names of the text column, in order of preference.
COLUMNS = ("text", "tweet", "content", "message")


@dataclass(frozen=True)
class InputText:
    """One text with its number in the input, and why the model cannot take it, if so."""

    number: int
    text: str
    problem: str | None


def parse_lines(typed: str) -> list[InputText]:
    """One text for each line that is not blank."""
    # not splitlines(): it also splits at characters that occur inside a tweet, such as U+2028
    rows = typed.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [
        InputText(number, line.strip(), bad_text(line)) for number, line in enumerate(rows, start=1) if line.strip()
    ]


def parse_csv(content: bytes, maximum: int) -> list[InputText]:
    """The texts of a CSV file: its column `text` (or tweet, content, message), or its only column.

    Raises BadInput for a file that is not CSV in UTF-8, has no such column, or has more than `maximum` rows.
    """
    what = "the file"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(what=what, problem=f"it is not UTF-8 at byte {error.start}") from error
    if "\x00" in text:
        raise BadInput(what=what, problem="it contains NUL bytes, so it is not CSV")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadInput(what=what, problem=f"it is not CSV ({error})") from error
    if not rows:
        raise BadInput(what=what, problem="it is empty")
    header = [cell.strip().lower() for cell in rows[0]]
    column = next((header.index(name) for name in COLUMNS if name in header), None)
    if column is not None:
        rows = rows[1:]
    elif len(header) == 1:
        column = 0
    else:
        raise BadInput(what=what, problem=f"it has no column named {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}")
    if len(rows) > maximum:
        raise BadInput(what=what, problem=f"it has {len(rows):,} rows, and at most {maximum:,} are allowed")
    texts = []
    for number, row in enumerate(rows, start=1):
        cell = row[column].strip() if column < len(row) else ""
        texts.append(InputText(number, cell, bad_text(cell)))
    return texts
