"""Many rows checked at once, column by column: what `Checker.check` says of each, at half of its cost.

Only rows in which nothing is unusual can be taken together. Rows among which something is are halved until what is
unusual stands alone, and is checked by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat

from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.sources.base import Row
from sentiment_lib.steps.ingestion.row_validation import (
    KNOWN,
    LONGEST_TEXT,
    OLDEST,
    SURROGATE,
    Checker,
    airline_in,
    language_in,
)
from sentiment_lib.storage.tweets import LabelTuple, TweetTuple
from sentiment_lib.text.batch import airlines_of, detect_all, mask_all

#: Fewer rows than this are checked one by one.
FEW = 16
#: Of what stands in a column without a meaning of its own (`Checker` takes longer ones for nothing).
LONGEST_NAME = 80


@dataclass
class Batch:
    """Checked rows in the order in which they came: how many, and what becomes of them."""

    received: int = 0
    tweets: list[TweetTuple] = field(default_factory=list)
    labels: list[LabelTuple] = field(default_factory=list)
    #: (row number, reason, row as it came)
    bad: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, piece: Batch) -> None:
        """Count and keep what another one holds besides tweets."""
        self.received += piece.received
        self.labels += piece.labels
        self.bad += piece.bad


def check_together(checker: Checker, rows: Sequence[Row]) -> Batch:
    """What becomes of the rows."""
    batch = Batch(received=len(rows))
    _into(batch, checker, rows)
    return batch


def _into(batch: Batch, checker: Checker, rows: Sequence[Row]) -> None:
    if len(rows) < FEW:
        for row in rows:
            tweet, label, reason = checker.check(row)
            if tweet is not None:
                batch.tweets.append(tweet)
                if label is not None:
                    batch.labels.append(label)
            elif reason is not None:
                batch.bad.append((row.number, reason, row.raw))
    elif not _usual(batch, checker, rows):
        half = len(rows) // 2
        _into(batch, checker, rows[:half])
        _into(batch, checker, rows[half:])


def _usual(batch: Batch, checker: Checker, rows: Sequence[Row]) -> bool:
    """Take the rows in together; False, and nothing is done, when one of them needs a look of its own."""
    # fmt: off
    _, _, problems, ids, texts, authors, languages, airlines, dates, labels, *_ = zip(*rows, strict=True)
    # fmt: on
    if any(problem is not None for problem in problems):
        return False
    if any(labels) and not all(not label or label.strip().lower() in KNOWN for label in labels):
        return False
    try:
        written = "".join(ids)
        moments = list(map(datetime.fromisoformat, dates))
        # a time without a zone cannot be compared: TypeError
        in_time = min(moments) >= OLDEST and max(moments) <= checker.latest
    except (TypeError, ValueError):  # something is missing, or cannot be read at once
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
    written_by = [checker.author_hash(name) if name and not name.isspace() else None for name in names]
    tweets = list(zip(numbers, masked, written_by, spoken, flown, moments, repeat(checker.synthetic), strict=False))
    if any(labels):
        checked = [checker.with_label(row, tweet) for row, tweet in zip(rows, tweets, strict=True) if row.label]
        if any(one.reason is not None for one in checked):
            return False
        batch.labels.extend(one.label for one in checked if one.label is not None)
    batch.tweets.extend(tweets)
    return True


def _sound(texts: Sequence[str | None], longest: int, *, empty: bool = False) -> bool:
    """True when every text is there, is UTF-8 without NUL bytes, and is not too long."""
    if not empty and not all(texts):
        return False
    try:
        joined = "".join(texts)  # type: ignore[arg-type]
    except TypeError:
        return False
    if "\x00" in joined or not (joined.isascii() or not SURROGATE.search(joined)):
        return False
    return max(map(len, texts)) <= longest and (empty or all(map(str.strip, texts)))  # type: ignore[arg-type]
