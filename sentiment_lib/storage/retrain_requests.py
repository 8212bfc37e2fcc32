"""Retrain requests: the rule that requested a retrain, its reason, and the run that claimed the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from sentiment_lib.storage.tables import RetrainRequestRow

_COLUMNS = (RetrainRequestRow.request_id, RetrainRequestRow.rule, RetrainRequestRow.reason)


@dataclass(frozen=True, kw_only=True)
class RetrainRequest:
    """A request for a retrain."""

    request_id: int
    #: "schedule", "drift", "labels", "quality", "person" or "first"
    rule: str
    reason: str


def insert_request(connection: Connection, *, rule: str, reason: str, run_id: str | None = None) -> RetrainRequest:
    """Store a request; if `run_id` is given, already claimed by this run."""
    request_id = connection.execute(
        insert(RetrainRequestRow)
        .values(rule=rule, reason=reason, run_id=run_id)
        .returning(RetrainRequestRow.request_id)
    ).scalar_one()
    return RetrainRequest(request_id=request_id, rule=rule, reason=reason)


def find_open(connection: Connection, rule: str) -> RetrainRequest | None:
    """The oldest unclaimed request of this rule; None without one."""
    query = (
        select(*_COLUMNS)
        .where(RetrainRequestRow.run_id.is_(None), RetrainRequestRow.rule == rule)
        .order_by(RetrainRequestRow.request_id)
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return RetrainRequest(**row) if row else None


def claim_open(connection: Connection, run_id: str) -> list[RetrainRequest]:
    """Claim every open request for this run; returns all that it has claimed so far."""
    connection.execute(update(RetrainRequestRow).where(RetrainRequestRow.run_id.is_(None)).values(run_id=run_id))
    return claimed_by(connection, run_id)


def claimed_by(connection: Connection, run_id: str) -> list[RetrainRequest]:
    """Requests that this run has claimed, oldest first."""
    query = select(*_COLUMNS).where(RetrainRequestRow.run_id == run_id).order_by(RetrainRequestRow.request_id)
    return [RetrainRequest(**row) for row in connection.execute(query).mappings()]


def last_requested_at(connection: Connection, rule: str) -> datetime | None:
    """When this rule last requested a retrain; None if never."""
    return connection.scalar(select(func.max(RetrainRequestRow.requested_at)).where(RetrainRequestRow.rule == rule))
