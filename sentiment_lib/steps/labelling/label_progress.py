"""How far labelling has come: one person's work, what waits, and how far people agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sentiment_lib.evaluation.agreement import Agreement, measure_agreement
from sentiment_lib.storage import label_counts
from sentiment_lib.storage.engine import Store

#: Doubled tweets that agreement is measured on, the newest.
NEWEST_PAIRS = 5000
#: Counts stop here: "10,000 or more" says as much, and costs no scan.
MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Counts end at MOST; `today` is the UTC day."""

    person: str
    today: int
    own: int
    own_skipped: int
    all_people: int
    #: drawn predictions without an audit label
    audit_waiting: int
    agreement: Agreement


def run(store: Store, *, person: str) -> Progress:
    """Progress as this person sees it."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with store.begin() as connection:
        counts = label_counts.counts(connection, person, midnight, MOST)
        pairs = label_counts.label_pairs(connection, NEWEST_PAIRS)
    return Progress(
        person=person,
        today=counts.own_since,
        own=counts.own,
        own_skipped=counts.own_skipped,
        all_people=counts.all_people,
        audit_waiting=counts.audit_waiting,
        agreement=measure_agreement(pairs),
    )
