"""Decisions without their evidence, with the response to each: for lists and for a run that looks for its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.storage.page import Page, page_of


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


_SUMMARIES = text(
    "SELECT d.decision_id, d.verdict, d.decided_at, d.requested_by, e.candidate_version, e.champion_version, "
    "a.response AS approval, a.answered_by "
    "FROM decisions d JOIN evaluations e USING (evaluation_id) LEFT JOIN approvals a USING (decision_id) "
    "WHERE (CAST(:request AS text) IS NULL OR d.requested_by = :request) "
    "AND (CAST(:before AS bigint) IS NULL OR d.decision_id < :before) ORDER BY d.decision_id DESC LIMIT :limit"
)


def of_request(connection: Connection, requested_by: str) -> list[DecisionSummary]:
    """Every decision of this request, newest first."""
    rows = connection.execute(_SUMMARIES, {"request": requested_by, "before": None, "limit": None})
    return [DecisionSummary(**row) for row in rows.mappings()]


def page(
    connection: Connection, size: int, *, before: int | None = None, requested_by: str | None = None
) -> Page[DecisionSummary]:
    """The newest decisions with ids below `before`; if `requested_by` is given, only those of this request."""
    rows = connection.execute(_SUMMARIES, {"request": requested_by, "before": before, "limit": size + 1})
    return page_of([DecisionSummary(**row) for row in rows.mappings()], size, lambda row: row.decision_id)


@dataclass(frozen=True, kw_only=True)
class JudgedFamily:
    """The newest decision about a family on the newest snapshot."""

    family: str
    decision_id: int
    verdict: str
    decided_at: datetime


_JUDGED = text(
    """
    SELECT DISTINCT ON (v.family) v.family, d.decision_id, d.verdict, d.decided_at
    FROM decisions d JOIN evaluations e USING (evaluation_id) JOIN model_versions v ON v.version = e.candidate_version
    WHERE e.snapshot_id = (SELECT max(snapshot_id) FROM snapshots)
    ORDER BY v.family, d.decision_id DESC
    """
)


def judged_families(connection: Connection) -> dict[str, JudgedFamily]:
    """Families with a decision on the newest snapshot, by their name."""
    return {row["family"]: JudgedFamily(**row) for row in connection.execute(_JUDGED).mappings()}
