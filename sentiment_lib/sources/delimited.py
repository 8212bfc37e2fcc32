"""Records of CSV and other delimited text, read so that a stray quotation mark never swallows lines.

Well-formed CSV is parsed in blocks at the speed of `csv.reader`. Where a quotation mark does not follow RFC 4180, or a
quoted cell holds what looks like further rows, that physical line is read on its own or reported as bad, and
reading continues with the next line. A record that exceeds the limits is bad too, and never in memory as a whole.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sentiment_lib.settings import InputSettings

#: What reading a file can raise: cut-off or damaged gzip data, a broken disk, bytes of another encoding.
READ_ERRORS = (EOFError, OSError, zlib.error, UnicodeError)
BLOCK_LINES = 1_000
#: Lines that are read before the size of the block is looked at, and the size from which it is full.
_PART_LINES, BLOCK_CHARACTERS = 20, 1 << 20
#: Maximum number of lines of one record; no tweet has more.
MAX_RECORD_LINES = 200
#: Maximum number of characters of one cell, for the csv module of this process: rows have limits of their own.
csv.field_size_limit(16 << 20)
SEPARATORS = (",", ";", "\t", "|")
_ID_LIKE = re.compile(r"""^["'=\s]{0,4}\d{1,19}(?:\.0*)?["\s]{0,2}$""", re.ASCII)
_DATE_LIKE = re.compile(r"(?:\d\D*){4}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How records are written, and which of their cells tell a record from a line of text."""

    separator: str
    #: False: quotation marks are ordinary characters, and each line is a record
    quoted: bool = True
    width: int
    #: position of the tweet id, None when there is none
    id_index: int | None = None
    #: position of the date
    date_index: int | None = None
    #: minimum number of cells of a record
    min_cells: int = 1
    #: maximum number of characters of a record
    longest: int = InputSettings().maximum_row_characters

    def is_record(self, line: str) -> bool:
        """Whether a physical line looks like a whole record."""
        if self.width < 2:
            return False
        cells = line.rstrip("\r\n").split(self.separator)
        if self.id_index is None:
            return len(cells) == self.width
        if len(cells) < self.min_cells or not _ID_LIKE.match(cells[self.id_index]):
            return False
        return self.date_index is None or bool(_DATE_LIKE.search(cells[self.date_index]))


@dataclass(frozen=True)
class BadRecord:
    """A physical line that is not a record; cut off when it is too long."""

    #: from 1, the header included
    line: int
    raw: str
    problem: str


Block = list[list[str]]


class RecordReader:
    """Iterates over blocks of records and single bad ones, in their order. Lines without any character are skipped.

    `lines` keep their line ends; those of more than `layout.longest` characters come as `limited_lines` gives them.
    An exception of `lines` is raised after the records before it.
    """

    def __init__(self, lines: Iterator[str], layout: Layout, *, first_line: int = 2) -> None:
        self._lines, self._layout = lines, layout
        #: number of the next physical line
        self._line = first_line
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Block | BadRecord]:
        while self._error is None:
            block = self._next_block()
            if not block:
                break
            if max(map(len, block)) > self._layout.longest:
                yield from self._line_by_line(block)
            elif not self._layout.quoted:
                self._line += len(block)
                yield [line.rstrip("\r\n").split(self._layout.separator) for line in block if line.strip("\r\n")]
            elif (records := self._well_formed(block)) is not None:
                self._line += len(block)
                yield records
            else:
                yield from self._line_by_line(block)
        if self._error is not None:
            raise self._error

    def _next_block(self) -> list[str]:
        block: list[str] = []
        characters = 0
        try:
            while len(block) < BLOCK_LINES and characters < BLOCK_CHARACTERS:
                before = len(block)
                block.extend(islice(self._lines, _PART_LINES))  # keeps the lines before an exception
                if len(block) == before:
                    break
                characters += sum(map(len, block[before:]))
        except READ_ERRORS as error:
            self._error = error
        return block

    def _well_formed(self, block: list[str]) -> Block | None:
        """The records of the block; None when a line needs a closer look."""
        try:
            records = list(csv.reader(block, delimiter=self._layout.separator, strict=True))
        except csv.Error:
            return None
        if len(records) != len(block) and any(map(self._needs_a_closer_look, records)):
            return None
        return [record for record in records if record]

    def _needs_a_closer_look(self, record: list[str]) -> bool:
        return self._has_suspect_cell(record) or sum(map(len, record)) > self._layout.longest

    def _has_suspect_cell(self, record: list[str]) -> bool:
        separator = self._layout.separator
        return any(separator in cell for cell in record if "\n" in cell or "\r" in cell)

    def _line_by_line(self, block: list[str]) -> Iterator[Block | BadRecord]:
        queue = deque(block)
        good: Block = []
        while queue:
            first = queue.popleft()
            lines = [first]
            is_long = len(first) > self._layout.longest
            record = None if is_long else self._read_record(first, queue, lines)
            if record is not None and len(lines) > 1 and self._holds_records(lines):
                record = None
            if record is None and len(lines) > 1:
                queue.extendleft(reversed(lines[1:]))
                del lines[1:]
            if record is None and not is_long:
                record = self._rescue(first)
            if record is not None:
                if record:
                    good.append(record)
            else:
                if good:
                    yield good
                    good = []
                problem = "a quotation mark in it is not closed, or not doubled inside of a cell"
                if is_long:
                    problem = f"it has more than {self._layout.longest} characters"
                yield BadRecord(self._line, first, f"line {self._line}: {problem}")
            self._line += len(lines)
        if good:
            yield good

    def _read_record(self, first: str, queue: deque[str], lines: list[str]) -> list[str] | None:
        """The record that begins with `first`; further lines of it are added to `lines`. None when it is malformed."""

        def feed() -> Iterator[str]:
            characters = len(first)
            yield first
            while len(lines) < MAX_RECORD_LINES:
                line = queue.popleft() if queue else self._next_line()
                if line is None:
                    return
                lines.append(line)
                characters += len(line)
                if characters > self._layout.longest:
                    return
                yield line

        if not self._layout.quoted:
            return first.rstrip("\r\n").split(self._layout.separator) if first.strip("\r\n") else []
        try:
            return next(csv.reader(feed(), delimiter=self._layout.separator, strict=True), [])
        except csv.Error:
            return None

    def _next_line(self) -> str | None:
        if self._error is not None:
            return None
        try:
            return next(self._lines, None)
        except READ_ERRORS as error:
            self._error = error
            return None

    def _holds_records(self, lines: list[str]) -> bool:
        """Whether a quotation mark has joined records: the first line is a whole one, and so is one after it."""
        is_record = self._layout.is_record
        return is_record(lines[0]) and any(map(is_record, lines[1:]))

    def _rescue(self, line: str) -> list[str] | None:
        """The cells of a line with a stray quotation mark, where they are unambiguous."""
        layout, bare = self._layout, line.rstrip("\r\n")
        if layout.width == 1:
            return [bare]
        if '\\"' in bare:
            try:
                escaped = csv.reader(
                    [bare], delimiter=layout.separator, doublequote=False, escapechar="\\", strict=True
                )
                cells = next(escaped, [])
            except csv.Error:
                cells = []
            if len(cells) == layout.width:
                return cells
        if len(bare) > 1 and bare[0] == bare[-1] == '"':  # all cells quoted, marks inside not doubled
            cells = bare[1:-1].split(f'"{layout.separator}"')
            if len(cells) == layout.width:
                return [cell.replace('""', '"') for cell in cells]
        if layout.separator == "\t":
            cells = bare.split("\t")
            if len(cells) == layout.width:
                return cells
        return None


def is_quoted(lines: Iterator[str], layout: Layout) -> bool:
    """Whether tab-separated text uses quotation marks as CSV does: all are well-formed, and some were needed.

    Needed are those around marks, tabs and line breaks, and those around commas where no comma stands without (as
    spreadsheets write it). Tab-separated files are mostly written without quoting, with marks that belong to the text.
    """
    scan = _TabScan(layout.longest)
    reader = csv.reader(scan.checked(lines), delimiter="\t", strict=True)
    needed, before = False, 0
    try:
        for record in reader:
            scan.characters = 0
            several = reader.line_num - before > 1
            before = reader.line_num
            if len(record) > layout.width or (several and any("\t" in cell for cell in record)):
                return False
            needed = needed or several or any('"' in cell or "\t" in cell for cell in record)
    except csv.Error:
        return False
    return needed or (scan.quoted_commas and not scan.bare_commas)


class _TabScan:
    """Notes how cells with commas are written, and refuses a mark inside an unquoted cell."""

    #: a mark after an ordinary character, in a cell that does not begin with one
    STRAY = re.compile(r'(?:^|\t)[^"\t\r\n][^"\t]*"')

    def __init__(self, longest: int) -> None:
        self._longest = longest
        #: characters of the record that is being read
        self.characters = 0
        self.quoted_commas = self.bare_commas = False
        #: whether a quoted cell goes on in the next line
        self._open = False

    def checked(self, lines: Iterator[str]) -> Iterator[str]:
        """The lines. Raises csv.Error."""
        for line in lines:
            self.characters += len(line)
            if self.characters > self._longest:
                if len(line) > self._longest and not self._open:  # one line: it is refused, and says nothing of others
                    self.characters = 0
                    continue
                raise csv.Error("a record is too long")
            if '"' in line:
                if not self._open and self.STRAY.search(line):
                    raise csv.Error("a quotation mark inside of an unquoted cell")
                self._open ^= line.count('"') % 2 == 1
            if "," in line and not (self.quoted_commas and self.bare_commas):
                for cell in line.split("\t"):
                    if "," in cell:
                        self.quoted_commas |= cell.startswith('"')
                        self.bare_commas |= not cell.startswith('"')
            yield line
