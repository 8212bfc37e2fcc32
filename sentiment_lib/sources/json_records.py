"""JSON values of a file, read as a stream: one per line (JSON Lines), or the elements of one document's arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

from sentiment_lib.sources.tweet_json import tweets_of

CHUNK_CHARACTERS = 1 << 20
#: Maximum number of characters of one value.
LARGEST_VALUE = 64 << 20


@dataclass(frozen=True)
class BadValue:
    """Text that is not a JSON value."""

    raw: str
    problem: str


class BrokenDocument(ValueError):
    """The document is not JSON from some character on."""


def values(file: IO[str]) -> Iterator[tuple[str | None, Any]]:
    """(line, value) for each tweet, or (None, value) when it does not fill a line; BadValue for a bad line.

    Raises BrokenDocument where a document that is not JSON Lines cannot be read further.
    """
    head: list[str] = []
    for line in file:
        head.append(line)
        if len([text for text in head if text.strip()]) == 2:
            break
    if _is_document([line for line in head if line.strip()]):
        for value in _document(chain(head, _chunks(file))):
            for tweet in tweets_of(value):
                yield None, tweet
    else:
        for line in chain(head, file):
            if line.strip():
                yield from _line(line)


def _line(line: str) -> Iterator[tuple[str | None, Any]]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield line, BadValue(line, f"not JSON: {error}")
        return
    for tweet in tweets_of(value):
        yield (line if tweet is value else None), tweet


def _is_document(head: list[str]) -> bool:
    """Whether the first lines begin one value, rather than being one value each."""
    if not head or head[0].lstrip()[:1] not in ("[", "{"):
        return False
    if _parses(head[0]):
        return len(head) == 1 and head[0].lstrip().startswith("[")
    return len(head) == 1 or not _parses(head[1])


def _parses(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _chunks(file: IO[str]) -> Iterator[str]:
    while chunk := file.read(CHUNK_CHARACTERS):
        yield chunk


def _document(chunks: Iterator[str]) -> Iterator[Any]:
    """The elements of top-level arrays, and other top-level values."""
    decoder = json.JSONDecoder()
    text, at, in_array, ended = "", 0, False, False
    while not (ended and at == len(text)):
        at = _skip(text, at, ", \t\r\n" if in_array else " \t\r\n")
        if at < len(text) and text[at] == ("]" if in_array else "["):
            in_array, at = not in_array, at + 1
            continue
        value, end = _value(decoder, text, at, ended)
        # a number that ends with the text may go on in the next chunk
        if end is not None and (ended or end < len(text)):
            at = end
            yield value
        elif not ended:
            chunk = next(chunks, "")
            ended = not chunk
            text, at = text[at:] + chunk, 0
    if in_array:
        raise BrokenDocument("the array is not closed: the file is cut off")


def _skip(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _value(decoder: json.JSONDecoder, text: str, at: int, ended: bool) -> tuple[Any, int | None]:
    """The value at a position and where it ends; None for a value that is not complete yet. Raises BrokenDocument."""
    if at == len(text):
        return None, None
    try:
        return decoder.raw_decode(text, at)
    except RecursionError as error:
        raise BrokenDocument("it is nested too deeply") from error
    except ValueError as error:
        if ended or len(text) - at > LARGEST_VALUE:
            raise BrokenDocument(str(error)) from error
        return None, None
