"""JSON values of a file, read as a stream: one per line (JSON Lines), or the elements of one document's arrays.

A value is parsed only when its text is within the limits, and when it has not too many parts: each of them takes some
twenty times the memory of its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

from sentiment_lib.settings import InputSettings
from sentiment_lib.sources.base import Line
from sentiment_lib.sources.input_file import limited_lines
from sentiment_lib.sources.tweet_json import tweets_of

CHUNK_CHARACTERS = 1 << 20
#: Maximum number of arrays, objects and elements of one value.
MAX_PARTS = 500_000
#: A tweet with a longer text is kept as text instead of as an object, which is larger.
_SHORT = 4_096
_SPACES, _SPACES_AND_COMMAS = re.compile(r"[ \t\r\n]*"), re.compile(r"[, \t\r\n]*")

#: A tweet as the quarantine would keep it.
Content = Line | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class BadValue:
    """Text that is not a JSON value, or exceeds the limits; cut off when it is too long."""

    raw: str
    problem: str


class BrokenDocument(ValueError):
    """The document is not JSON from some character on."""


def values(file: IO[str], limits: InputSettings) -> Iterator[tuple[Content | None, Any]]:
    """(content, value) for each tweet; BadValue for a line that is not one, or for a tweet that is too long.

    Raises BrokenDocument where a document that is not JSON Lines cannot be read further.
    """
    lines = limited_lines(file, limits.maximum_json_characters)
    head: list[str] = []
    skipped = file.readline(CHUNK_CHARACTERS)
    while skipped and not skipped.strip():
        skipped = file.readline(CHUNK_CHARACTERS)
    if skipped.strip() and not skipped.endswith(("\n", "\r")) and skipped.lstrip().startswith("["):
        yield from _elements(chain([skipped], _chunks(file)), limits)  # an array in one line
        return
    for line in chain(_completed(skipped, file, limits.maximum_json_characters), lines):
        if line.strip():
            head.append(line)
        if len(head) == 2:
            break
    if _is_document(head):
        yield from _elements(chain(_pieces(head), _chunks(file)), limits)
    else:
        for line in chain(head, lines):
            if line.strip():
                yield from _line(line, limits)


def _completed(start: str, file: IO[str], maximum: int) -> Iterator[str]:
    """The line of which the start was read."""
    if start and not start.endswith(("\n", "\r")):
        start += next(limited_lines(file, max(maximum - len(start), 1)), "")
    if start:
        yield start


def _elements(chunks: Iterator[str], limits: InputSettings) -> Iterator[tuple[Content | None, Any]]:
    for text, value in _document(chunks, limits.maximum_json_characters):
        yield from _tweets(text, value, limits.maximum_row_characters)


def _line(line: str, limits: InputSettings) -> Iterator[tuple[Content | None, Any]]:
    maximum = limits.maximum_json_characters
    if len(line) > maximum:
        yield None, BadValue(line[: limits.maximum_row_characters], f"the line has more than {maximum} characters")
    elif problem := _too_many_parts(line):
        yield None, BadValue(line[: limits.maximum_row_characters], problem)
    else:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield None, BadValue(line[: limits.maximum_row_characters], f"not JSON: {error}")
        else:
            yield from _tweets(line, value, limits.maximum_row_characters, is_line=True)


def _tweets(text: str, value: Any, maximum: int, *, is_line: bool = False) -> Iterator[tuple[Content | None, Any]]:
    """The tweets of a value with this text; those of more than `maximum` characters as BadValue."""
    for tweet in tweets_of(value):
        written = text
        if tweet is not value:  # one of a page: its text is needed only when the page is long
            written = json.dumps(tweet, ensure_ascii=False) if len(text) > _SHORT else ""
        if len(written) > maximum:
            yield None, BadValue(written[:maximum], f"the tweet has {len(written)} characters, more than {maximum}")
        elif len(written) > _SHORT or (is_line and tweet is value) or not isinstance(tweet, dict | list):
            yield Line(written or str(tweet)), tweet
        else:
            yield tweet, tweet


def _too_many_parts(text: str) -> str | None:
    if len(text) > 2 * MAX_PARTS and sum(map(text.count, ",[{")) > MAX_PARTS:
        return f"it has more than {MAX_PARTS} parts"
    return None


def _is_document(head: list[str]) -> bool:
    """Whether the first lines begin one value, rather than being one value each."""
    if not head or head[0].lstrip()[:1] not in ("[", "{"):
        return False
    if _parses(head[0]):
        return len(head) == 1 and head[0].lstrip().startswith("[")
    return len(head) == 1 or not _parses(head[1])


def _parses(line: str) -> bool:
    if _too_many_parts(line):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _pieces(lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield from (line[at : at + CHUNK_CHARACTERS] for at in range(0, len(line), CHUNK_CHARACTERS))


def _chunks(file: IO[str]) -> Iterator[str]:
    while chunk := file.read(CHUNK_CHARACTERS):
        yield chunk


def _document(chunks: Iterator[str], maximum: int) -> Iterator[tuple[str, Any]]:
    """The elements of top-level arrays, and other top-level values, with their texts."""
    decoder = json.JSONDecoder()
    text, at, in_array, ended = "", 0, False, False
    while not (ended and at == len(text)):
        match = (_SPACES_AND_COMMAS if in_array else _SPACES).match(text, at)
        at = match.end() if match else at
        if at < len(text) and text[at] == ("]" if in_array else "["):
            in_array, at = not in_array, at + 1
            continue
        value, end = _value(decoder, text, at, ended, maximum)
        # a number that ends with the text may go on in the next chunk
        if end is not None and (ended or end < len(text)):
            yield text[at:end], value
            at = end
        elif not ended:
            chunk = next(chunks, "")
            ended = not chunk
            text, at = text[at:] + chunk, 0
    if in_array:
        raise BrokenDocument("the array is not closed: the file is cut off")


def _value(decoder: json.JSONDecoder, text: str, at: int, ended: bool, maximum: int) -> tuple[Any, int | None]:
    """The value at a position and where it ends; None for a value that is not complete yet. Raises BrokenDocument."""
    if at == len(text):
        return None, None
    try:
        return decoder.raw_decode(text, at)
    except RecursionError as error:
        raise BrokenDocument("it is nested too deeply") from error
    except ValueError as error:
        if ended or len(text) - at > maximum:
            raise BrokenDocument(str(error)) from error
        if problem := _too_many_parts(text[at:]):
            raise BrokenDocument(f"a value in it is too large: {problem}") from error
        return None, None
