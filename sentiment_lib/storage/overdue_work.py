"""Work past its deadline: what each stage of the loop has left undone. The queries read only what is undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.policy import DeadlinePolicy
from sentiment_lib.storage import drift_reports, model_versions

#: Counts stop here.
MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """Undone work of one stage."""

    #: name of the stage, a field of `DeadlinePolicy`
    stage: str
    #: of tweets, scored windows, requests or approvals
    count: int
    #: when the oldest of them came
    since: datetime


def find(connection: Connection, deadlines: DeadlinePolicy, now: datetime) -> list[Overdue]:
    """The stages with overdue work, in the order of the loop."""
    found = (query(connection, now - getattr(deadlines, stage)) for stage, query in STAGES.items())
    return [overdue for overdue in found if overdue is not None]


def unscored(connection: Connection, before: datetime) -> Overdue | None:
    """Tweets that were collected before then and wait for a prediction."""
    return _count(
        connection,
        "score",
        "SELECT count(*) AS count, min(collected_at) AS since FROM "
        "(SELECT collected_at FROM tweets_to_score WHERE collected_at < :before LIMIT :most) waiting",
        {"before": before, "most": MOST},
    )


def unchecked(connection: Connection, before: datetime) -> Overdue | None:
    """The champion's newest window, scored before then, that no drift check has seen."""
    champion = model_versions.champion(connection)
    newest = drift_reports.newest_scored(connection, champion.version) if champion else None
    if champion is None or newest is None:
        return None
    return _count(
        connection,
        "check_drift",
        "SELECT count(*) AS count, min(predicted_at) AS since FROM ("
        "  SELECT p.predicted_at FROM tweets t JOIN predictions p USING (tweet_id)"
        "  WHERE t.created_at = :newest AND p.model_version = :version AND NOT EXISTS ("
        "    SELECT FROM drift_reports WHERE model_version = :version AND current_end > :newest)"
        "  ORDER BY p.predicted_at LIMIT 1) newest WHERE predicted_at < :before",
        {"newest": newest, "version": champion.version, "before": before},
    )


def unclaimed(connection: Connection, before: datetime) -> Overdue | None:
    """Retrain requests of before then that no run has claimed."""
    return _count(
        connection,
        "retrain",
        "SELECT count(*) AS count, min(requested_at) AS since FROM retrain_requests "
        "WHERE run_id IS NULL AND requested_at < :before",
        {"before": before},
    )


# an approval against an earlier champion has ended by itself: promotion would refuse it
_UNDEPLOYED = """
    FROM approvals a JOIN decisions d USING (decision_id) JOIN evaluations e USING (evaluation_id)
    WHERE a.response = 'approved' AND a.answered_at < :before
      AND NOT EXISTS (SELECT FROM deployments m WHERE m.approval_id = a.approval_id)
      AND e.champion_version = (SELECT to_version FROM deployments WHERE state = 'done'
                                ORDER BY deployment_id DESC LIMIT 1)
"""


def undeployed(connection: Connection, before: datetime) -> Overdue | None:
    """Approvals of before then, against the present champion, that led to no deployment."""
    query = f"SELECT count(*) AS count, min(a.answered_at) AS since {_UNDEPLOYED}"
    return _count(connection, "promote", query, {"before": before})


def undeployed_decisions(connection: Connection, before: datetime) -> list[int]:
    """Ids of their decisions, oldest first."""
    query = text(f"SELECT a.decision_id {_UNDEPLOYED} ORDER BY a.approval_id")
    return list(connection.execute(query, {"before": before}).scalars())


def unclaimed_requests(connection: Connection, before: datetime) -> list[int]:
    """Ids of the retrain requests of before then that no run has claimed, oldest first."""
    query = text(
        "SELECT request_id FROM retrain_requests WHERE run_id IS NULL AND requested_at < :before ORDER BY request_id"
    )
    return list(connection.execute(query, {"before": before}).scalars())


STAGES: Mapping[str, Callable[[Connection, datetime], Overdue | None]] = {
    "score": unscored,
    "check_drift": unchecked,
    "retrain": unclaimed,
    "promote": undeployed,
}


def _count(connection: Connection, stage: str, query: str, where: Mapping[str, Any]) -> Overdue | None:
    row = connection.execute(text(query), dict(where)).one()
    return Overdue(stage=stage, count=int(row._mapping["count"]), since=row.since) if row.since else None
