"""Validate many rows at once, column by column: the results of `RowValidator.validate` at half of its cost.

A batch is validated as a whole only when all of its rows are ordinary. Otherwise it is halved, until the unusual rows
stand alone and are validated one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.sources.base import Row
from sentiment_lib.steps.ingestion.row_validation import (
    LABEL_NAMES,
    OLDEST,
    RowValidator,
    airline_in,
    language_in,
)
from sentiment_lib.storage.tweets import LabelTuple, TweetTuple
from sentiment_lib.text.batch import airlines_of, detect_all, mask_all
from sentiment_lib.text.limits import LONGEST_TEXT, SURROGATE

#: Smaller batches are validated row by row.
MIN_BATCH = 16
#: Longest author; `RowValidator` reads a longer one as absent.
LONGEST_NAME = 80


@dataclass
class Batch:
    """Results of validated rows, in the order of the rows."""

    received: int = 0
    tweets: list[TweetTuple] = field(default_factory=list)
    labels: list[LabelTuple] = field(default_factory=list)
    #: (row number, reason, raw row)
    bad: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, other: Batch) -> None:
        """Add the counts, labels and bad rows of another batch; its tweets are not kept."""
        self.received += other.received
        self.labels += other.labels
        self.bad += other.bad


def validate_rows(validator: RowValidator, rows: Sequence[Row]) -> Batch:
    """Validate the rows of one source."""
    batch = Batch(received=len(rows))
    _validate(batch, validator, rows)
    return batch


def _validate(batch: Batch, validator: RowValidator, rows: Sequence[Row]) -> None:
    if len(rows) < MIN_BATCH:
        for row in rows:
            tweet, label, reason = validator.validate(row)
            if tweet is not None:
                batch.tweets.append(tweet)
                if label is not None:
                    batch.labels.append(label)
            elif reason is not None:
                batch.bad.append((row.number, reason, row.raw))
    elif not _validate_vectorised(batch, validator, rows):
        half = len(rows) // 2
        _validate(batch, validator, rows[:half])
        _validate(batch, validator, rows[half:])


def _validate_vectorised(batch: Batch, validator: RowValidator, rows: Sequence[Row]) -> bool:
    """Validate all rows as columns and add them to the batch; False, with the batch unchanged, when one is unusual."""
    # fmt: off
    _, _, problems, ids, texts, authors, languages, airlines, dates, labels, *_ = zip(*rows, strict=True)
    # fmt: on
    if any(problem is not None for problem in problems):
        return False
    if any(labels) and not all(not label or label.strip().lower() in LABEL_NAMES for label in labels):
        return False
    try:
        written = "".join(ids)
        moments = list(map(datetime.fromisoformat, dates))
        # a time without a zone cannot be compared: TypeError
        in_time = min(moments) >= OLDEST and max(moments) <= validator.latest
    except (TypeError, ValueError):  # a missing cell, or a date in another form
        return False
    if not (in_time and written.isascii() and all(map(str.isdigit, ids)) and max(map(len, ids)) <= 19):
        return False
    numbers = list(map(int, ids))
    if not (min(numbers) > 0 and max(numbers) < API_IDS_FROM and _sound(texts, LONGEST_TEXT)):
        return False
    masked = [text.strip() for text in mask_all(texts)]
    names = [author or "" for author in authors]
    if max(map(len, masked)) > LONGEST_TEXT or not _sound(names, LONGEST_NAME, empty=True):
        return False
    spoken = map(language_in, languages, masked) if any(languages) else detect_all(masked)
    flown = map(airline_in, airlines, masked) if any(airlines) else airlines_of(masked)
    written_by = [validator.author_hash(name) if name and not name.isspace() else None for name in names]
    tweets = list(zip(numbers, masked, written_by, spoken, flown, moments, repeat(validator.synthetic), strict=False))
    if any(labels):
        results = [validator.attach_label(row, tweet) for row, tweet in zip(rows, tweets, strict=True) if row.label]
        if any(one.reason is not None for one in results):
            return False
        batch.labels.extend(one.label for one in results if one.label is not None)
    batch.tweets.extend(tweets)
    return True


def _sound(texts: Sequence[str | None], longest: int, *, empty: bool = False) -> bool:
    """True when no text is missing, too long, not UTF-8, or holds a NUL byte."""
    if not empty and not all(texts):
        return False
    try:
        joined = "".join(texts)  # type: ignore[arg-type]
    except TypeError:
        return False
    if "\x00" in joined or not (joined.isascii() or not SURROGATE.search(joined)):
        return False
    return max(map(len, texts)) <= longest and (empty or all(map(str.strip, texts)))  # type: ignore[arg-type]
