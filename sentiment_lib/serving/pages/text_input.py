"""Texts that a person typed or sent as a file: one a line, or the text column of a CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from sentiment_lib.errors import BadInput
from sentiment_lib.text.limits import bad_text

#: Names of a column that holds the text, in this order.
COLUMNS = ("text", "tweet", "content", "message")


@dataclass(frozen=True)
class Typed:
    """One text with its place in the input, and why it cannot be read by a model, if so."""

    number: int
    text: str
    problem: str | None


def lines(typed: str) -> list[Typed]:
    """One text for each line that is not empty."""
    # only what ends a line for people: splitlines() would cut at characters inside of a tweet as well
    found = typed.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [Typed(number, line.strip(), bad_text(line)) for number, line in enumerate(found, start=1) if line.strip()]


def table(content: bytes, most: int) -> list[Typed]:
    """The texts of a CSV file: its column `text` (or tweet, content, message), or its only column.

    Raises BadInput for a file that is no CSV in UTF-8, has no such column, or more than `most` rows.
    """
    what = "the file"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(what=what, problem=f"it is not UTF-8 at byte {error.start}") from error
    if "\x00" in text:
        raise BadInput(what=what, problem="it holds NUL bytes, so it is no CSV")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadInput(what=what, problem=f"it is no CSV ({error})") from error
    if not rows:
        raise BadInput(what=what, problem="it is empty")
    header = [cell.strip().lower() for cell in rows[0]]
    place = next((header.index(name) for name in COLUMNS if name in header), None)
    if place is not None:
        rows = rows[1:]
    elif len(header) == 1:
        place = 0
    else:
        raise BadInput(what=what, problem=f"it has no column named {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}")
    if len(rows) > most:
        raise BadInput(what=what, problem=f"it has {len(rows):,} rows, and at most {most:,} are taken")
    found = []
    for number, row in enumerate(rows, start=1):
        cell = row[place].strip() if place < len(row) else ""
        found.append(Typed(number, cell, bad_text(cell)))
    return found
