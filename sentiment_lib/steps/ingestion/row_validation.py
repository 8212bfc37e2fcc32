"""Row validation: a row becomes a tweet and perhaps a label, or is quarantined with a reason.

An invalid optional cell loses that field, never the tweet. A label with an invalid confidence or date is left out;
ingesting the corrected file adds it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sentiment_lib.settings import InputSettings
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.sources.values import (
    is_absent,
    optional,
    parse_confidence,
    parse_label,
    parse_moment,
    parse_tweet_id,
    shown,
    why_no_date,
)
from sentiment_lib.storage.tweets import LabelTuple, TweetTuple
from sentiment_lib.text.airlines import airline_name, airline_of
from sentiment_lib.text.language import detect
from sentiment_lib.text.language_codes import language_code
from sentiment_lib.text.limits import SURROGATE, bad_text
from sentiment_lib.text.privacy import author_hasher, mask
from sentiment_lib.tweet_ids import first_id, id_time

#: Tolerance for clock skew; dates further in the future are refused.
MAX_AHEAD = timedelta(days=1)
OLDEST = datetime(2006, 3, 21, tzinfo=UTC)  # the first tweet
#: Maximum length of an author or airline name.
LONGEST_NAME = 80
#: What is kept of a refused row when too much is quarantined already.
_CUT_CHARACTERS = 200
#: A number somewhere in a row that may be a tweet's id: ids of today have 19 digits. A bigint ends below MAX_ID.
NUMBER, MAX_ID = re.compile(r"(?<!\d)\d{9,19}(?!\d)", re.ASCII), 2**63
#: Length of the longest word in values.ABSENT_OPTIONAL.
_LONGEST_ABSENT = 4


class RowResult(NamedTuple):
    """A tweet with or without a label, or the reason why there is none."""

    tweet: TweetTuple | None
    label: LabelTuple | None
    reason: str | None
    #: optional cells that could not be read, in words
    problems: tuple[str, ...] = ()


class RowKeys(NamedTuple):
    """Whose a row may be that is no tweet."""

    #: every number of the raw row that may be a tweet's id
    numbers: frozenset[int]
    #: keyed hash; None when the row names no author
    author: bytes | None
    #: what the row gives as its id; None when that is no number
    own: int | None


class RowValidator:
    """Validates the rows of one source; dates are compared with `now`."""

    def __init__(
        self, identity: SourceIdentity, author_key: bytes, now: datetime, limits: InputSettings | None = None
    ) -> None:
        self._identity = identity
        limits = limits or InputSettings()
        self._longest_raw, self._whole_bytes = limits.maximum_row_characters, limits.quarantine_bytes
        self.latest = now + MAX_AHEAD
        #: ids from here on hold a time in the future: they would stand before every tweet that X will assign
        self.ids_end = first_id(self.latest)
        self.synthetic = identity.synthetic
        #: whether rounded ids were detected in this source
        self.ids_are_rounded = False
        self._hash = author_hasher(author_key)
        #: keyed hash of an author's name; None for an unusable one
        self.author = lru_cache(maxsize=65_536)(self._author)

    def validate(self, row: Row) -> RowResult:
        """The row as a tweet with its label, or the reason why it is quarantined."""
        if row.problem is not None:
            return RowResult(None, None, row.problem)
        number, reason = parse_tweet_id(row.tweet_id)
        if number is None:
            return RowResult(None, None, reason)
        if number >= self.ids_end:
            year = f"{id_time(number):%Y}"
            return RowResult(None, None, f"the id {number} is no tweet id: X would assign it in {year}, in the future")
        if reason := bad_text("" if is_absent(row.text) else row.text):
            return RowResult(None, None, reason)
        created_at, reason = self.moment(row.created_at, "date")
        if created_at is None:
            return RowResult(None, None, reason)
        assert row.text is not None
        text = mask(row.text).strip()
        if reason := bad_text(text):  # a mask can be longer than the masked text, and HTML entities can be spaces
            return RowResult(None, None, reason if text == "" else f"{reason}, after masking")
        airline, problem = airline_in(row.airline, text)
        tweet = (
            number,
            text,
            self.author(row.author or ""),
            language_in(row.language, text),
            airline,
            created_at,
            self.synthetic,
        )
        label, problems = self.label(row, tweet)
        return RowResult(tweet, label, None, (*problems, problem) if problem else problems)

    def raw(self, row: Row) -> str:
        """The raw row for the quarantine: whole, until a row or all rows together have too many characters."""
        raw = row.raw
        longest = self._longest_raw if self._whole_bytes > 0 else _CUT_CHARACTERS
        if len(raw) > longest:
            raw = f"{raw[:longest]} [cut off: {len(raw)} characters]"
        self._whole_bytes -= len(raw)
        return raw

    def keys(self, row: Row) -> RowKeys:
        """Whose tweet a bad row may be."""
        cell = (row.tweet_id or "").strip()
        written = {*NUMBER.findall(row.raw), cell}
        ids = {one: int(one) for one in written if one.isascii() and one.isdigit() and len(one) <= 19}
        numbers = frozenset(number for number in ids.values() if number < MAX_ID)
        own = ids.get(cell)
        return RowKeys(numbers, self.author(row.author or ""), own if own in numbers else None)

    def label(self, row: Row, tweet: TweetTuple) -> tuple[LabelTuple | None, tuple[str, ...]]:
        """The row's label of a tweet, if it has one, and why it cannot be read."""
        label, problem = parse_label(row.label)
        if label is None:
            return None, (problem,) if problem else ()
        confidence, problem = parse_confidence(row.confidence)
        if problem is not None:
            return None, (f"{problem}: its label is left out",)
        labelled_at: datetime | None = tweet[5]  # without a label time, the tweet's time is used
        if optional(row.labelled_at) is not None:
            labelled_at, problem = self.moment(row.labelled_at, "label's date")
        if labelled_at is None:
            return None, (f"{problem}: its label is left out",)
        identity = self._identity
        return (tweet[0], label, identity.label_source, identity.name, labelled_at, confidence), ()

    def moment(self, written: str | None, what: str) -> tuple[datetime | None, str | None]:
        """A date with a zone, not in the future, or the reason why it is refused."""
        if written is None or is_absent(written):
            return None, f"the {what} is missing"
        try:
            moment = parse_moment(written)
        except ValueError:
            return None, why_no_date(written, what)
        if moment.tzinfo is None:
            return None, f"the {what} {shown(written)} has no time zone: name it with --zone"
        if moment > self.latest:
            return None, f"the {what} {shown(written)} lies in the future"
        if moment < OLDEST:
            return None, f"the {what} {shown(written)} lies before the first tweet"
        return moment, None

    def _author(self, name: str) -> bytes | None:
        usable = _usable(name)
        return self._hash(usable) if usable else None


def language_in(stated: str | None, text: str) -> str | None:
    """The language stated by the source, else the detected one."""
    written = optional(stated)  # NA is a missing value, not the code of Nauruan
    return (language_code(written) if written else None) or detect(text)


def airline_in(stated: str | None, text: str) -> tuple[str | None, str | None]:
    """The airline stated by the source, else the first one mentioned; and why the stated one is not used."""
    if not stated or (usable := _usable(stated)) is None:
        return airline_of(text), None
    name = airline_name(usable)
    if name is not None:
        return name, None
    return airline_of(text), f"the airline {shown(usable)} is not on the list of airlines"


def _usable(value: str) -> str | None:
    if _LONGEST_ABSENT < len(value) <= LONGEST_NAME and value.isascii() and "\x00" not in value:
        return value.strip() or None
    written = optional(value)
    if not written or len(written) > LONGEST_NAME or "\x00" in written:
        return None
    return written if written.isascii() or not SURROGATE.search(written) else None
