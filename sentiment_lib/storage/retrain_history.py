"""Retrains of the past: the requests that each run claimed, its candidates and decisions, and the labels it used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, kw_only=True)
class ClaimedRequest:
    """A retrain request and the run that claimed it; `run_id` is "dag_id/run_id", or a request on the command line."""

    run_id: str
    rule: str
    reason: str
    requested_at: datetime


@dataclass(frozen=True, kw_only=True)
class TrainedCandidate:
    """A candidate that a run trained, and the decision on it."""

    decision_id: int
    run_id: str
    verdict: str
    decided_at: datetime
    version: int
    family: str
    train_seconds: float | None
    snapshot_id: int


@dataclass(frozen=True, kw_only=True)
class SnapshotLabels:
    """Labels stored between the snapshot before and this one."""

    snapshot_id: int
    new_labels: int


def newest_requests(connection: Connection, limit: int) -> list[ClaimedRequest]:
    """The newest claimed requests, newest first."""
    rows = connection.execute(
        text(
            "SELECT run_id, rule, reason, requested_at FROM retrain_requests WHERE run_id IS NOT NULL "
            "ORDER BY request_id DESC LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [ClaimedRequest(**row) for row in rows.mappings()]


def newest_candidates(connection: Connection, limit: int) -> list[TrainedCandidate]:
    """Candidates of the newest decisions, newest first."""
    rows = connection.execute(
        text(
            "SELECT d.decision_id, d.requested_by AS run_id, d.verdict, d.decided_at, e.candidate_version AS version, "
            "v.family, (v.cost ->> 'train_seconds')::float8 AS train_seconds, e.snapshot_id "
            "FROM decisions d JOIN evaluations e USING (evaluation_id) "
            "JOIN model_versions v ON v.version = e.candidate_version ORDER BY d.decision_id DESC LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [TrainedCandidate(**row) for row in rows.mappings()]


def new_labels(connection: Connection, snapshot_ids: Sequence[int]) -> list[SnapshotLabels]:
    """For each of these snapshots, the labels that came since the snapshot before it."""
    rows = connection.execute(
        text(
            "SELECT s.snapshot_id, (SELECT count(*) FROM labels l WHERE l.stored_at <= s.created_at AND l.stored_at > "
            "coalesce((SELECT max(o.created_at) FROM snapshots o WHERE o.snapshot_id < s.snapshot_id), '-infinity')) "
            "AS new_labels FROM snapshots s WHERE s.snapshot_id = ANY(:ids)"
        ),
        {"ids": list(snapshot_ids)},
    )
    return [SnapshotLabels(**row) for row in rows.mappings()]
