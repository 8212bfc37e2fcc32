"""Import labels of stored tweets from another labelling tool; every row is validated and counted.

The last label of a person counts. Rows without a time get the time of the import, in the order of the file; of two such
rows for one tweet, a less confident one does not replace the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from sentiment_lib import clock, progress
from sentiment_lib.errors import BadInput
from sentiment_lib.sources import rounded_ids
from sentiment_lib.sources.base import Row, Source
from sentiment_lib.sources.values import (
    optional,
    parse_confidence,
    parse_label,
    parse_moment,
    parse_tweet_id,
    shown,
    why_no_date,
)
from sentiment_lib.storage import labels, tombstones
from sentiment_lib.storage.acting_labels import name_from_file
from sentiment_lib.storage.engine import Store

BATCH_ROWS = 1000
#: Maximum number of refused rows that are listed; the others are only counted.
MAX_NAMED = 1000
#: Tolerance for clock skew.
MAX_AHEAD = timedelta(days=1)
LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """Row counts. Raises ValueError unless received is the sum of the others but `problems`."""

    received: int
    #: labels of tweets in the audit sample, with their inclusion probability
    audit: int
    person: int
    #: the person's label already, or less confident than another row's
    duplicate: int
    #: rows without a label
    empty: int
    refused: int
    #: labels of tweets that were forgotten
    forgotten: int
    #: (row, reason), the first MAX_NAMED
    problems: tuple[tuple[int, str], ...]

    def __post_init__(self) -> None:
        stored = self.audit + self.person + self.duplicate
        if self.received != stored + self.empty + self.refused + self.forgotten:
            raise ValueError(f"rows were lost: {self}")


@dataclass(frozen=True)
class _Label:
    number: int
    tweet_id: int
    label: str
    by: str
    at: datetime
    #: whether the row states its time
    timed: bool
    confidence: float | None


def run(
    store: Store,
    source: Source,
    *,
    by: str,
    named: str | None = None,
    drawn_with: float | None = None,
    on_forgotten: Callable[[Sequence[int]], None] | None = None,
) -> ImportResult:
    """Store the labels of a source as `by`'s; its column labelled_by, or else `named`, is recorded beside, as its word.

    drawn_with: the importer declares that the tweets were drawn at random with this probability, so that their labels
    may evaluate models; without it, labels outside the audit sample are for training only.
    on_forgotten: called with ids of forgotten tweets that came again.
    One transaction per 1,000 rows; idempotent. Raises BadInput for a bad name or probability,
    BadSource when the source cannot be read.
    """
    if not by.strip() or len(by) > LONGEST_NAME:
        raise BadInput(what="the name of who labelled", problem=f"it needs 1 to {LONGEST_NAME} characters")
    if drawn_with is not None and not 0 < drawn_with <= 1:
        raise BadInput(what="the sampling probability", problem="it lies above 0 and is at most 1")
    parser = _RowParser(by.strip(), named, clock.now())
    counts = {"received": 0, "audit": 0, "person": 0, "duplicate": 0, "empty": 0, "refused": 0, "forgotten": 0}
    problems: list[tuple[int, str]] = []
    rows = source.rows()
    while batch := list(islice(rows, BATCH_ROWS)):
        counts["received"] += len(batch)
        progress.report("Importing labels", counts["received"])
        parsed: list[_Label] = []
        for row, is_rounded in zip(batch, parser.find_rounded(batch), strict=True):
            label, outcome = parser.parse(row, is_rounded=is_rounded)
            if label is not None:
                parsed.append(label)
            elif outcome in counts:
                counts[outcome] += 1
            else:
                problems.append((row.number, outcome))
                counts["refused"] += 1
        with store.begin() as connection:
            outcomes = list(_store(connection, parsed, parser.now, drawn_with))
            for label, (number, outcome) in zip(parsed, outcomes, strict=True):
                if outcome == "forgotten" and on_forgotten is not None:
                    on_forgotten([label.tweet_id])
                if outcome in counts:
                    counts[outcome] += 1
                else:
                    problems.append((number, outcome))
                    counts["refused"] += 1
    return ImportResult(**counts, problems=tuple(sorted(problems)[:MAX_NAMED]))


class _RowParser:
    """Parses the rows of one source, in their order."""

    def __init__(self, by: str, named: str | None, now: datetime) -> None:
        self.now = now
        self._by = by
        self._named = named
        self._ids_are_rounded = False
        #: (tweet, person) → highest confidence so far of rows without a time
        self._untimed: dict[tuple[int, str], float] = {}

    def find_rounded(self, rows: Sequence[Row]) -> Sequence[bool]:
        """Which rows have a rounded id."""
        ids = [parse_tweet_id(row.tweet_id)[0] or 0 for row in rows]
        mask = rounded_ids.find_rounded(ids, already=self._ids_are_rounded)
        self._ids_are_rounded |= bool(mask.any())
        rounded: list[bool] = mask.tolist()
        return rounded

    def parse(self, row: Row, *, is_rounded: bool) -> tuple[_Label | None, str]:
        """The label of a row, or None and "empty", "duplicate" or the reason why it is refused."""
        if row.problem is not None:
            return None, row.problem
        label, problem = parse_label(row.label)
        if label is None:
            return None, problem or "empty"
        tweet_id, problem = parse_tweet_id(row.tweet_id)
        if tweet_id is None:
            return None, problem or ""
        if is_rounded:
            return None, f"the id {tweet_id} is rounded: {rounded_ids.REASON}"
        confidence, problem = parse_confidence(row.confidence)
        if problem is not None:
            return None, problem
        named = optional(row.labelled_by) or self._named
        if named and len(named) > LONGEST_NAME:
            return None, f"the name of who labelled has more than {LONGEST_NAME} characters"
        by = name_from_file(self._by, named)
        if (written := optional(row.labelled_at)) is not None:
            at, problem = self._moment(written)
            return (_Label(row.number, tweet_id, label, by, at, True, confidence), "") if at else (None, problem)
        key, highest_confidence = (tweet_id, by), self._untimed.get((tweet_id, by))
        if confidence is not None and highest_confidence is not None and confidence < highest_confidence:
            return None, "duplicate"
        if confidence is not None:
            self._untimed[key] = confidence
        at = self.now + timedelta(microseconds=row.number)  # a later row is the later label
        return _Label(row.number, tweet_id, label, by, at, False, confidence), ""

    def _moment(self, written: str) -> tuple[datetime | None, str]:
        try:
            moment = parse_moment(written)
        except ValueError:
            return None, why_no_date(written, "time")
        if moment.tzinfo is None:
            return None, f"the time {shown(written)} has no time zone: name it with --zone"
        if moment > self.now + MAX_AHEAD:
            return None, f"the time {shown(written)} lies in the future"
        return moment, ""


def _store(
    connection: Connection, parsed: list[_Label], now: datetime, drawn_with: float | None
) -> Iterator[tuple[int, str]]:
    """(row, "audit", "person", "duplicate", "forgotten" or the reason why it is refused) for each label."""
    ids = [label.tweet_id for label in parsed]
    existing, probabilities = labels.existing_ids(connection, ids), labels.audit_probabilities(connection, ids)
    audited = labels.audited(connection, list(probabilities))
    forgotten = tombstones.refused(connection, [number for number in ids if number not in existing]).tweets
    newly_audited: list[int] = []
    for label in parsed:
        if label.tweet_id not in existing:
            is_forgotten = label.tweet_id in forgotten
            yield label.number, "forgotten" if is_forgotten else f"there is no tweet {label.tweet_id}"
            continue
        # a tweet of the audit sample has one person's audit label; another person's label is an ordinary one
        audit = label.tweet_id in probabilities and audited.get(label.tweet_id, label.by) == label.by
        label_id = labels.insert_label(
            connection,
            labels.NewLabel(
                tweet_id=label.tweet_id,
                label=label.label,
                source="audit" if audit else "person",
                labelled_by=label.by,
                labelled_at=label.at,
                is_timed=label.timed,
                inclusion_probability=probabilities[label.tweet_id] if audit else drawn_with,
                confidence=label.confidence,
            ),
        )
        if audit:
            newly_audited.append(label.tweet_id)
            audited[label.tweet_id] = label.by
        yield label.number, "duplicate" if label_id is None else "audit" if audit else "person"
    labels.mark_audited(connection, newly_audited, now)
