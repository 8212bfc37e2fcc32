"""Labelling progress: one person's labels, the unlabelled audit sample, and inter-annotator agreement."""

from __future__ import annotations

from dataclasses import dataclass

from sentiment_lib import clock
from sentiment_lib.evaluation.agreement import Agreement, measure_agreement
from sentiment_lib.steps.labelling import source_agreement
from sentiment_lib.steps.labelling.source_agreement import SourceAgreement
from sentiment_lib.storage import label_counts
from sentiment_lib.storage.engine import Store

#: Maximum number of doubly labelled tweets, the newest, for measuring agreement.
NEWEST_PAIRS = 5000
#: Upper limit of counts, which bounds the scan.
MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Counts end at MOST; `today` is the UTC day."""

    person: str
    today: int
    own: int
    own_skipped: int
    all_people: int
    #: predictions of the audit sample without an audit label
    audit_waiting: int
    agreement: Agreement
    #: of label sources
    sources: tuple[SourceAgreement, ...]


def run(store: Store, *, person: str) -> Progress:
    """Progress as this person sees it."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    with store.begin() as connection:
        counts = label_counts.counts(connection, person, midnight, MOST)
        pairs = label_counts.label_pairs(connection, NEWEST_PAIRS)
        sources = source_agreement.run(connection)
    return Progress(
        person=person,
        today=counts.own_since,
        own=counts.own,
        own_skipped=counts.own_skipped,
        all_people=counts.all_people,
        audit_waiting=counts.audit_waiting,
        agreement=measure_agreement(pairs),
        sources=sources,
    )
