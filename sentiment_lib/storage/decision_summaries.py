"""Decisions without their evidence, with the response to each: for lists and for a run that looks for its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, kw_only=True)
class DecisionSummary:
    """A decision without its evidence, with the response to it."""

    decision_id: int
    verdict: str
    decided_at: datetime
    requested_by: str
    candidate_version: int
    champion_version: int
    approval: str | None
    answered_by: str | None


def newest(connection: Connection, *, requested_by: str | None = None, limit: int = 100) -> list[DecisionSummary]:
    """The newest decisions, newest first; if `requested_by` is given, only those of this request."""
    rows = connection.execute(
        text(
            "SELECT d.decision_id, d.verdict, d.decided_at, d.requested_by, e.candidate_version, e.champion_version, "
            "a.response AS approval, a.answered_by "
            "FROM decisions d JOIN evaluations e USING (evaluation_id) LEFT JOIN approvals a USING (decision_id) "
            "WHERE CAST(:request AS text) IS NULL OR d.requested_by = :request ORDER BY d.decision_id DESC LIMIT :limit"
        ),
        {"request": requested_by, "limit": limit},
    )
    return [DecisionSummary(**row) for row in rows.mappings()]
