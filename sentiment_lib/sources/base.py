"""What every source of tweets keeps to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Row(NamedTuple):
    """One row as it came in: everything is text or absent, and nothing has been checked yet."""

    #: position in the source, from 1
    number: int
    #: the row as it came: JSON, or cells of which JSON is made when it is needed
    content: str | list[Any] | dict[str, Any]
    #: set when the row could not even be read
    problem: str | None = None
    tweet_id: str | None = None
    text: str | None = None
    author: str | None = None
    language: str | None = None
    airline: str | None = None
    created_at: str | None = None
    label: str | None = None
    confidence: str | None = None
    labelled_at: str | None = None

    @property
    def raw(self) -> str:
        """The row as it came, for quarantine: ASCII with escapes, so that NUL bytes and lone surrogates survive."""
        if isinstance(self.content, str):
            return self.content
        return json.dumps(self.content, ensure_ascii=True, default=str)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a source says of itself."""

    #: name that the ingest and the labels carry
    name: str
    #: SHA-256 of what will be read; the same input again continues an ingest that was cut off
    digest: str
    #: true for our own generator: it must show wherever its tweets do
    synthetic: bool = False
    #: kind of labels it brings: "dataset", "person" or "audit"
    label_source: str = "dataset"


class Source(Protocol):
    """A stream of rows in a fixed order."""

    origin: Origin

    def rows(self) -> Iterator[Row]:
        """Every row, bad ones with their problem; BadSource when the stream itself cannot be read on."""
        ...
