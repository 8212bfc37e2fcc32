"""The protocol of a source of tweets, and the rows that it yields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable


class Line(NamedTuple):
    """A physical line, or the text of one JSON value."""

    text: str


class Row(NamedTuple):
    """One row before validation: every field is text or absent."""

    #: position in the source, from 1
    number: int
    #: the raw row: JSON, or what `raw` makes JSON of when the row is quarantined
    content: str | Line | list[Any] | dict[str, Any]
    #: why the row cannot be parsed, or None
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
    labelled_by: str | None = None

    @property
    def raw(self) -> str:
        """The raw row for the quarantine: ASCII with escapes, so that NUL bytes and lone surrogates survive."""
        if isinstance(self.content, str):
            return self.content
        if isinstance(self.content, Line):
            return json.dumps(self.content.text.rstrip("\r\n"), ensure_ascii=True)
        return json.dumps(self.content, ensure_ascii=True, default=str)


@dataclass(frozen=True, kw_only=True)
class SourceIdentity:
    """Name, digest and kind of a source: what an ingest and its labels are recorded under."""

    #: recorded with the ingest and as `labelled_by` of its labels
    name: str
    #: identifies the input: the same input again resumes an interrupted ingest
    digest: str
    #: tweets of the sample generator are marked as synthetic wherever they are shown
    synthetic: bool = False
    #: source kind of its labels: "dataset", "person" or "audit"
    label_source: str = "dataset"


class Source(Protocol):
    """A stream of rows. `rows` may be called again and yields the same rows in the same order."""

    identity: SourceIdentity

    def rows(self) -> Iterator[Row]:
        """Every row, unparsable ones with their `problem`. Raises BadSource when the stream breaks off."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReadPlan:
    """What a metered source may read."""

    #: probability with which a moment is read, in (0, 1]
    share: float
    #: tweets after which it stops, at the end of the period that it reads
    reads_left: int
    #: end of the period that the last poll read; None before the first
    read_from: datetime | None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a metered source has read: tweets, period, and share of it."""

    reads: int
    share: float
    read_from: datetime
    read_until: datetime
    #: what it said when it refused because its own cap is used up
    refusal: str | None = None


@runtime_checkable
class MeteredSource(Source, Protocol):
    """A source that counts, and charges for, each tweet that it delivers."""

    def restrict(self, plan: ReadPlan) -> None:
        """Read no more than the plan says. Called before `rows`."""
        ...

    def usage(self) -> Usage:
        """What was read so far."""
        ...
