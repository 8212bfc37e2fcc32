"""Metered sources stay within their budget: what the next poll may read, and the record of what it read."""

from __future__ import annotations

import logging
from datetime import datetime

from sentiment_lib import clock
from sentiment_lib.records import IngestResult
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import MeteredSource, ReadPlan, Source
from sentiment_lib.storage import budgets, polls
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.polls import Poll

log = logging.getLogger(__name__)


def restrict(store: Store, settings: Settings, source: Source, *, at: datetime | None = None) -> str | None:
    """Let the source read what is left of its budget; says why nothing may be read, None when something may.

    A source without a cap is not restricted.
    """
    if source.identity.name != budgets.X or not isinstance(source, MeteredSource):
        return None
    with store.begin() as connection:
        found = budgets.of_x_reads(connection, settings.policy.budget, at or clock.now())
        last = polls.newest(connection, source.identity.name)
    for budget in found:
        if not budget.share:
            return (
                f"not read: the month's cap of {budget.cap:,.0f} reads is used up ({budget.used:,.0f} were read); "
                f"reading goes on at {budget.ends_at:%Y-%m-%d %H:%M} UTC, or with a higher cap (budget.x_reads)"
            )
        left = int(budget.cap - budget.used)
        source.restrict(ReadPlan(share=budget.share, reads_left=left, read_from=last.read_until if last else None))
        if budget.share < 1:
            log.warning("X is sampled: a share of %.3f of the time is read, to stay within the cap", budget.share)
    return None


def skipped(source: Source, reason: str) -> IngestResult:
    """The result of a poll that did not take place."""
    log.warning("%s: %s", source.identity.name, reason)
    return IngestResult(
        ingest_id=0,
        source=source.identity.name,
        received=0,
        stored=0,
        duplicate=0,
        quarantined=0,
        notes=(reason,),
    )


def record(store: Store, source: Source, ingest_id: int) -> None:
    """Store what a metered source has read for this ingest, which may have broken off."""
    if not isinstance(source, MeteredSource):
        return
    usage = source.usage()
    poll = Poll(
        ingest_id=ingest_id,
        source=source.identity.name,
        polled_at=clock.now(),
        reads=usage.reads,
        share=usage.share,
        read_from=usage.read_from,
        read_until=usage.read_until,
        refusal=usage.refusal,
    )
    with store.begin() as connection:
        polls.record(connection, poll)
