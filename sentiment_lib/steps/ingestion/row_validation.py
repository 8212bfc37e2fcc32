"""Validate one row: the tweet and the label that it becomes, or the reason why it is quarantined."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sentiment_lib.records import API_IDS_FROM, LABELS
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.storage.tweets import LabelTuple, TweetTuple
from sentiment_lib.text.airlines import airline_of
from sentiment_lib.text.language import detect
from sentiment_lib.text.limits import LONGEST_TEXT, SURROGATE, bad_text
from sentiment_lib.text.privacy import author_hasher, mask

#: Tolerance for clocks that differ; a date further in the future is wrong.
MAX_AHEAD = timedelta(days=1)
OLDEST = datetime(2006, 3, 21, tzinfo=UTC)  # the first tweet
LABEL_NAMES = frozenset(str(label) for label in LABELS)
_OFFSET = re.compile(r"\s+([+-]\d\d:?\d\d)$")


class RowResult(NamedTuple):
    """A tweet with or without a label, or the reason why there is none."""

    tweet: TweetTuple | None
    label: LabelTuple | None
    reason: str | None


class RowValidator:
    """Validates the rows of one source; dates are compared with `now`."""

    def __init__(self, identity: SourceIdentity, author_key: bytes, now: datetime) -> None:
        self._identity = identity
        self.latest = now + MAX_AHEAD
        self.synthetic = identity.synthetic
        #: keyed hash of a non-empty name
        self.author_hash = lru_cache(maxsize=65_536)(author_hasher(author_key))

    def validate(self, row: Row) -> RowResult:
        """The row as a tweet, or the reason against it."""
        if row.problem is not None:
            return RowResult(None, None, row.problem)
        tweet_id = (row.tweet_id or "").strip()
        if not (
            tweet_id.isdigit()
            and tweet_id.isascii()
            and len(tweet_id) <= 19
            and 0 < (number := int(tweet_id)) < API_IDS_FROM
        ):
            return RowResult(None, None, f"the id {_shown(tweet_id)} is no tweet id")
        if reason := bad_text(row.text):
            return RowResult(None, None, reason)
        created_at, reason = self._moment(row.created_at, "date")
        if created_at is None:
            return RowResult(None, None, reason)
        if row.label and row.label.strip().lower() not in LABEL_NAMES:
            return RowResult(None, None, f"the label {_shown(row.label)} is none of {', '.join(sorted(LABEL_NAMES))}")
        assert row.text is not None
        text = mask(row.text).strip()
        if len(text) > LONGEST_TEXT:  # a mask can be longer than what it hides
            return RowResult(None, None, f"the text has {len(text)} characters after masking, more than {LONGEST_TEXT}")
        tweet = (
            number,
            text,
            self.author(row.author),
            language_in(row.language, text),
            airline_in(row.airline, text),
            created_at,
            self.synthetic,
        )
        return self.attach_label(row, tweet) if row.label else RowResult(tweet, None, None)

    def author(self, name: str | None) -> bytes | None:
        """Keyed hash of an author's name; None for an unusable one."""
        return self.author_hash(plain) if name and (plain := _plain(name)) else None

    def attach_label(self, row: Row, tweet: TweetTuple) -> RowResult:
        """The tweet with the row's label, or the reason why the label cannot be read."""
        if not row.label or not row.label.strip():
            return RowResult(tweet, None, None)
        try:
            confidence = float(row.confidence) if row.confidence else None
        except ValueError:
            return RowResult(None, None, f"the confidence {_shown(row.confidence or '')} is no number")
        if confidence is not None and not 0 <= confidence <= 1:
            return RowResult(None, None, f"the confidence {confidence} is not between 0 and 1")
        labelled_at = tweet[5]  # a data set without label times: labels count from the tweet on
        if row.labelled_at:
            moment, reason = self._moment(row.labelled_at, "label's date")
            if moment is None:
                return RowResult(None, None, reason)
            labelled_at = moment
        label = row.label.strip().lower()
        identity = self._identity
        return RowResult(tweet, (tweet[0], label, identity.label_source, identity.name, labelled_at, confidence), None)

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


def language_in(given: str | None, text: str) -> str | None:
    """The language that the source states, or a guess."""
    return (given and (_plain(given) or "")[:8]) or detect(text)


def airline_in(given: str | None, text: str) -> str | None:
    """The airline that the source states, or the first one mentioned."""
    return (given and _plain(given)) or airline_of(text)


def _plain(value: str | None) -> str | None:
    value = (value or "").strip()
    if not value or len(value) > 80 or "\x00" in value:
        return None
    return value if value.isascii() or not SURROGATE.search(value) else None


def _shown(value: str) -> str:
    return ascii(value[:40])
