"""Retrain requests: the rule that requested a retrain, its reason, and the run that claimed the request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Executable, RowMapping, insert, select, update

from sentiment_lib.storage import ledger, recorded_facts
from sentiment_lib.storage.tables import RetrainRequestRow

_COLUMNS = (RetrainRequestRow.request_id, RetrainRequestRow.rule, RetrainRequestRow.reason)


@dataclass(frozen=True, kw_only=True)
class RetrainRequest:
    """A request for a retrain."""

    request_id: int
    #: "schedule", "drift", "labels", "opportunity", "quality", "person" or "first"
    rule: str
    reason: str


def insert_request(connection: Connection, *, rule: str, reason: str, run_id: str | None = None) -> RetrainRequest:
    """Store a request with its ledger row; if `run_id` is given, already claimed by this run."""
    request_id, requested_at = connection.execute(
        insert(RetrainRequestRow)
        .values(rule=rule, reason=reason, run_id=run_id)
        .returning(RetrainRequestRow.request_id, RetrainRequestRow.requested_at)
    ).one()
    request = RetrainRequest(request_id=request_id, rule=rule, reason=reason)
    ledger.append(connection, "retrain_request", {**vars(request), "requested_at": requested_at.astimezone(UTC)})
    return request


def find_open(connection: Connection, rule: str) -> RetrainRequest | None:
    """The oldest unclaimed request of this rule; None without one."""
    query = (
        select(*_COLUMNS)
        .where(RetrainRequestRow.run_id.is_(None), RetrainRequestRow.rule == rule)
        .order_by(RetrainRequestRow.request_id)
    )
    return next((RetrainRequest(**row) for row in _recorded(connection, query)), None)


def claim_open(connection: Connection, run_id: str) -> list[RetrainRequest]:
    """Claim every open request for this run; returns all that it has claimed so far."""
    unclaimed = select(*_COLUMNS).where(RetrainRequestRow.run_id.is_(None))
    open_ids = [row["request_id"] for row in _recorded(connection, unclaimed)]
    connection.execute(
        update(RetrainRequestRow).where(RetrainRequestRow.request_id.in_(open_ids)).values(run_id=run_id)
    )
    return claimed_by(connection, run_id)


def claimed_by(connection: Connection, run_id: str) -> list[RetrainRequest]:
    """Requests that this run has claimed, oldest first."""
    query = select(*_COLUMNS).where(RetrainRequestRow.run_id == run_id).order_by(RetrainRequestRow.request_id)
    return [RetrainRequest(**row) for row in _recorded(connection, query)]


def last_requested_at(connection: Connection, rule: str) -> datetime | None:
    """When this rule last requested a retrain; None if never."""
    query = select(RetrainRequestRow.request_id, RetrainRequestRow.requested_at).where(RetrainRequestRow.rule == rule)
    newest = next(_recorded(connection, query.order_by(RetrainRequestRow.request_id.desc())), None)
    return newest["requested_at"] if newest else None


def _recorded(connection: Connection, query: Executable) -> Iterator[RowMapping]:
    """The rows of a query that the platform recorded: the role of the steps may insert others."""
    for row in connection.execute(query).mappings().all():
        if recorded_facts.fault(connection, "retrain_request", row["request_id"]) is None:
            yield row
