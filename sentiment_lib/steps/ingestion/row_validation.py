"""Is a row a tweet? What it becomes, or the reason why it goes to quarantine."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sentiment_lib.records import API_IDS_FROM, LABELS
from sentiment_lib.sources.base import Origin, Row
from sentiment_lib.storage.tweets import LabelTuple, TweetTuple
from sentiment_lib.text.airlines import airline_of
from sentiment_lib.text.language import detect
from sentiment_lib.text.privacy import author_hasher, mask

#: X's longest posts have 25,000 characters and are no tweets; the table allows 10,000 after masking.
LONGEST_TEXT = 10_000
#: Clocks differ; a tweet from further ahead than this has a wrong date.
AHEAD = timedelta(days=1)
OLDEST = datetime(2006, 3, 21, tzinfo=UTC)  # the first tweet
KNOWN = frozenset(str(label) for label in LABELS)
SURROGATE = re.compile(r"[\ud800-\udfff]")
_OFFSET = re.compile(r"\s+([+-]\d\d:?\d\d)$")


class Checked(NamedTuple):
    """Either a tweet (and perhaps a label), or a reason."""

    tweet: TweetTuple | None
    label: LabelTuple | None
    reason: str | None


class Checker:
    """Checks the rows of one origin against one moment."""

    def __init__(self, origin: Origin, author_key: bytes, now: datetime) -> None:
        self._origin = origin
        self.latest = now + AHEAD
        self.synthetic = origin.synthetic
        #: keyed hash of a name that is one
        self.author_hash = lru_cache(maxsize=65_536)(author_hasher(author_key))

    def check(self, row: Row) -> Checked:
        """What becomes of the row."""
        if row.problem is not None:
            return Checked(None, None, row.problem)
        tweet_id = (row.tweet_id or "").strip()
        if not (
            tweet_id.isdigit()
            and tweet_id.isascii()
            and len(tweet_id) <= 19
            and 0 < (number := int(tweet_id)) < API_IDS_FROM
        ):
            return Checked(None, None, f"the id {_shown(tweet_id)} is no tweet id")
        if reason := bad_text(row.text):
            return Checked(None, None, reason)
        created_at, reason = self._moment(row.created_at, "date")
        if created_at is None:
            return Checked(None, None, reason)
        if row.label and row.label.strip().lower() not in KNOWN:
            return Checked(None, None, f"the label {_shown(row.label)} is none of {', '.join(sorted(KNOWN))}")
        assert row.text is not None
        text = mask(row.text).strip()
        if len(text) > LONGEST_TEXT:  # a mask can be longer than what it hides
            return Checked(None, None, f"the text has {len(text)} characters after masking, more than {LONGEST_TEXT}")
        tweet = (
            number,
            text,
            self.author(row.author),
            language_in(row.language, text),
            airline_in(row.airline, text),
            created_at,
            self.synthetic,
        )
        return self.with_label(row, tweet) if row.label else Checked(tweet, None, None)

    def author(self, name: str | None) -> bytes | None:
        """The keyed hash of a name; None for what is no name."""
        return self.author_hash(plain) if name and (plain := _plain(name)) else None

    def with_label(self, row: Row, tweet: TweetTuple) -> Checked:
        """The tweet with the label that the row gives it, or the reason why it is none."""
        if not row.label or not row.label.strip():
            return Checked(tweet, None, None)
        try:
            confidence = float(row.confidence) if row.confidence else None
        except ValueError:
            return Checked(None, None, f"the confidence {_shown(row.confidence or '')} is no number")
        if confidence is not None and not 0 <= confidence <= 1:
            return Checked(None, None, f"the confidence {confidence} is not between 0 and 1")
        labelled_at = tweet[5]  # a data set without times of its own: the label counts from the tweet on
        if row.labelled_at:
            moment, reason = self._moment(row.labelled_at, "label's date")
            if moment is None:
                return Checked(None, None, reason)
            labelled_at = moment
        label = row.label.strip().lower()
        origin = self._origin
        return Checked(tweet, (tweet[0], label, origin.label_source, origin.name, labelled_at, confidence), None)

    def _moment(self, written: str | None, what: str) -> tuple[datetime | None, str | None]:
        if not written or not written.strip():
            return None, f"the {what} is missing"
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:  # rare: spaces around it or before the offset
            try:
                moment = datetime.fromisoformat(_OFFSET.sub(r"\1", written.strip()))
            except ValueError:
                return None, f"the {what} {_shown(written)} cannot be read"
        if moment.tzinfo is None:
            return None, f"the {what} {_shown(written)} has no time zone"
        if moment > self.latest:
            return None, f"the {what} {_shown(written)} lies in the future"
        if moment < OLDEST:
            return None, f"the {what} {_shown(written)} lies before the first tweet"
        return moment, None


def bad_text(text: str | None) -> str | None:
    """Why a text can be no tweet, None when it can: ingest and the API refuse the same."""
    if text is None or not text.strip():
        return "the text is empty"
    if len(text) > LONGEST_TEXT:
        return f"the text has {len(text)} characters, more than {LONGEST_TEXT}"
    if "\x00" in text:
        return "the text holds a NUL byte"
    if not text.isascii() and SURROGATE.search(text):
        return "the text is not UTF-8"
    return None


def language_in(given: str | None, text: str) -> str | None:
    """The language that the source gives, or our guess."""
    return (given and (_plain(given) or "")[:8]) or detect(text)


def airline_in(given: str | None, text: str) -> str | None:
    """The airline that the source gives, or the first that is mentioned."""
    return (given and _plain(given)) or airline_of(text)


def _plain(value: str | None) -> str | None:
    value = (value or "").strip()
    if not value or len(value) > 80 or "\x00" in value:
        return None
    return value if value.isascii() or not SURROGATE.search(value) else None


def _shown(value: str) -> str:
    return ascii(value[:40])
