"""Each version with its newest evaluation, evaluations that two versions share, and the champions over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class VersionEntry:
    """A version, its cost, and its newest evaluation as the candidate; None where it has none."""

    version: int
    family: str
    created_at: datetime
    cost: Mapping[str, Any]
    decision_id: int | None
    verdict: str | None
    #: snapshot of the holdout, and rows that were judged
    snapshot_id: int | None
    rows: int | None
    champion_version: int | None
    #: metrics by name, of the version and of the champion of that time
    metrics: Mapping[str, float] | None
    champion_metrics: Mapping[str, float] | None
    #: main metric with difference, low, high and level
    main: Mapping[str, Any] | None
    #: counts (3, 3, 3): true label x champion's prediction x version's prediction
    cells: list[list[list[int]]] | None


ENTRIES = text(
    """
    SELECT v.version, v.family, v.created_at, v.cost, d.decision_id, d.verdict, e.snapshot_id, e.champion_version,
           (e.compared ->> 'rows')::int AS rows, e.compared -> 'candidate' AS metrics,
           e.compared -> 'champion' AS champion_metrics, e.compared -> 'main' AS main, e.compared -> 'cells' AS cells
    FROM model_versions v
    LEFT JOIN LATERAL (SELECT evaluation_id, snapshot_id, champion_version, evidence::jsonb -> 'comparison' AS compared
                       FROM evaluations WHERE candidate_version = v.version
                       ORDER BY evaluation_id DESC LIMIT 1) e ON true
    LEFT JOIN decisions d USING (evaluation_id)
    WHERE (CAST(:version AS bigint) IS NULL OR v.version = :version)
      AND (CAST(:before AS bigint) IS NULL OR v.version < :before)
    ORDER BY v.version DESC LIMIT :limit
    """
)


def newest(connection: Connection, limit: int, *, before: int | None = None) -> list[VersionEntry]:
    """Up to `limit` of the newest versions below `before`, newest first."""
    rows = connection.execute(ENTRIES, {"limit": limit, "version": None, "before": before})
    return [VersionEntry(**row) for row in rows.mappings()]


def entry(connection: Connection, version: int) -> VersionEntry:
    """One version. Raises NotFound for an unknown number."""
    row = connection.execute(ENTRIES, {"limit": 1, "version": version, "before": None}).mappings().one_or_none()
    if row is None:
        raise NotFound(what="model version", key=version)
    return VersionEntry(**row)


def decision_on_pair(connection: Connection, one: int, other: int) -> int | None:
    """Id of the newest decision that compared these two versions, either as the candidate; None without one."""
    decision_id: int | None = connection.execute(
        text(
            "SELECT max(d.decision_id) FROM evaluations e JOIN decisions d USING (evaluation_id) WHERE "
            "(e.candidate_version, e.champion_version) IN ((:one, :other), (:other, :one))"
        ),
        {"one": one, "other": other},
    ).scalar()
    return decision_id


def decisions_on_one_holdout(connection: Connection, one: int, other: int) -> tuple[int, int] | None:
    """Ids of the newest decisions that compared each version with the same champion on one snapshot's holdout."""
    row = connection.execute(
        text(
            "SELECT d.decision_id, o.decision_id AS other_id FROM evaluations e JOIN decisions d USING (evaluation_id) "
            "JOIN evaluations f ON f.snapshot_id = e.snapshot_id AND f.champion_version = e.champion_version "
            "JOIN decisions o ON o.evaluation_id = f.evaluation_id "
            "WHERE e.candidate_version = :one AND f.candidate_version = :other "
            "ORDER BY e.evaluation_id DESC, f.evaluation_id DESC LIMIT 1"
        ),
        {"one": one, "other": other},
    ).one_or_none()
    return None if row is None else (row.decision_id, row.other_id)


@dataclass(frozen=True, kw_only=True)
class Reign:
    """A time in which one version was the champion; `until` is None for the present one."""

    version: int
    family: str
    kind: str
    since: datetime
    until: datetime | None


def champions(connection: Connection, limit: int) -> list[Reign]:
    """Up to `limit` of the newest champions, oldest first."""
    rows = connection.execute(
        text(
            "SELECT * FROM (SELECT d.to_version AS version, v.family, d.kind, d.finished_at AS since, "
            "lead(d.finished_at) OVER (ORDER BY d.deployment_id) AS until "
            "FROM deployments d JOIN model_versions v ON v.version = d.to_version WHERE d.state = 'done' "
            "ORDER BY d.deployment_id DESC LIMIT :limit) newest ORDER BY since"
        ),
        {"limit": limit},
    )
    return [Reign(**row) for row in rows.mappings()]
