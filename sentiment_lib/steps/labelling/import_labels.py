"""Labels that people gave in another tool, for tweets that are stored: each row is checked, and each is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput
from sentiment_lib.records import LABELS
from sentiment_lib.sources.base import Row, Source
from sentiment_lib.storage import labels
from sentiment_lib.storage.engine import Store

BATCH_ROWS = 1000
#: Refused rows that are named; the others are only counted.
MOST_NAMED = 1000
#: Clocks differ.
AHEAD = timedelta(days=1)
_NAMES = frozenset(str(label) for label in LABELS)


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What became of every row; received == audit + person + duplicate + empty + refused."""

    received: int
    #: labels of drawn tweets, with the chance of their draw
    audit: int
    person: int
    #: this person said the same before
    duplicate: int
    #: rows without an answer
    empty: int
    refused: int
    #: (row, reason), the first MOST_NAMED
    problems: tuple[tuple[int, str], ...]

    def __post_init__(self) -> None:
        if self.received != self.audit + self.person + self.duplicate + self.empty + self.refused:
            raise ValueError(f"rows were lost: {self}")


@dataclass(frozen=True)
class _Given:
    number: int
    tweet_id: int
    label: str
    at: datetime
    confidence: float | None


def run(store: Store, source: Source, *, by: str) -> ImportResult:
    """Store the labels of a source as `by`'s; one transaction for 1,000 rows, and a second run changes nothing."""
    if not by.strip() or len(by) > 80:
        raise BadInput(what="the name of who labelled", problem="it needs 1 to 80 characters")
    now = datetime.now(UTC)
    counted = {"received": 0, "audit": 0, "person": 0, "duplicate": 0, "empty": 0, "refused": 0}
    problems: list[tuple[int, str]] = []
    said: dict[int, str] = {}
    rows = source.rows()
    while batch := list(islice(rows, BATCH_ROWS)):
        counted["received"] += len(batch)
        given: list[_Given] = []
        for found in (_checked(row, now, said) for row in batch):
            match found:
                case _Given():
                    given.append(found)
                case None:
                    counted["empty"] += 1
                case problem:
                    problems.append(problem)
                    counted["refused"] += 1
        with store.begin() as connection:
            for number, outcome in _store(connection, given, by.strip(), now):
                if outcome in counted:
                    counted[outcome] += 1
                else:
                    problems.append((number, outcome))
                    counted["refused"] += 1
    return ImportResult(**counted, problems=tuple(sorted(problems)[:MOST_NAMED]))


def _checked(row: Row, now: datetime, said: dict[int, str]) -> _Given | tuple[int, str] | None:
    """The label of a row, None without an answer, or (row, reason)."""
    if row.problem is not None:
        return row.number, row.problem
    label = (row.label or "").strip().lower()
    if not label:
        return None
    if label not in _NAMES:
        return row.number, f"the label {label[:40]!a} is none of {', '.join(sorted(_NAMES))}"
    written = (row.tweet_id or "").strip()
    if not (written.isascii() and written.isdigit() and 0 < int(written[:20]) < 2**63):
        return row.number, f"the id {written[:40]!a} is no tweet id"
    tweet_id = int(written)
    if said.setdefault(tweet_id, label) != label:
        return row.number, f"an earlier row says that tweet {tweet_id} is {said[tweet_id]}"
    at, confidence = now, None
    try:
        if row.labelled_at and row.labelled_at.strip():
            at = datetime.fromisoformat(row.labelled_at.strip())
        if row.confidence and row.confidence.strip():
            confidence = float(row.confidence)
    except ValueError:
        return row.number, "the time or the confidence cannot be read"
    if at.tzinfo is None or at > now + AHEAD:
        return row.number, "the time has no time zone or lies in the future"
    if confidence is not None and not 0 <= confidence <= 1:
        return row.number, f"the confidence {confidence} is not between 0 and 1"
    return _Given(row.number, tweet_id, label, at, confidence)


def _store(connection: Connection, given: list[_Given], by: str, now: datetime) -> Iterator[tuple[int, str]]:
    """(row, "audit", "person", "duplicate" or the reason why it is refused) for each."""
    ids = [one.tweet_id for one in given]
    known, drawn = labels.existing_ids(connection, ids), labels.audit_probabilities(connection, ids)
    audited = labels.audited(connection, list(drawn))
    settled: list[int] = []
    for one in given:
        if one.tweet_id not in known:
            yield one.number, f"there is no tweet {one.tweet_id}"
            continue
        # the sample has one answer a tweet; a second one is a person's
        audit = one.tweet_id in drawn and audited.get(one.tweet_id, by) == by
        stored = labels.insert_label(
            connection,
            tweet_id=one.tweet_id,
            label=one.label,
            source="audit" if audit else "person",
            by=by,
            at=one.at,
            inclusion_probability=drawn[one.tweet_id] if audit else None,
            confidence=one.confidence,
        )
        if audit:
            settled.append(one.tweet_id)
            audited[one.tweet_id] = by
        yield one.number, "duplicate" if stored is None else "audit" if audit else "person"
    labels.mark_audited(connection, settled, now)
