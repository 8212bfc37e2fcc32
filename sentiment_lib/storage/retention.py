"""Rows that are past their retention, and how large the tables are. Rows that evidence rests on are never removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, text

from sentiment_lib.storage.tables import RetentionRunRow

#: Rows removed by one statement.
BATCH = 10_000
# what is past its retention, by table: its key, and a condition on `r` with :before
_PAST = {
    "quarantine": ("quarantine_id", "r.quarantined_at < :before"),
    "alert_messages": (
        "message_id",
        "r.sent_at < :before AND EXISTS (SELECT FROM alerts a WHERE a.alert_id = r.alert_id "
        "AND a.resolved_at < :before)",
    ),
    "retention_runs": ("run_id", "r.finished_at < :before"),
}


def remove_rows(connection: Connection, table: str, before: datetime) -> int:
    """Remove a batch of the table's rows that are past their retention at `before`; returns their number."""
    key, condition = _PAST[table]
    query = (
        f"DELETE FROM {table} WHERE {key} IN "
        f"(SELECT {key} FROM {table} r WHERE {condition} ORDER BY {key} LIMIT {BATCH})"
    )
    return connection.execute(text(query), {"before": before}).rowcount


def table_bytes(connection: Connection) -> dict[str, int]:
    """Size of each table with its partitions and indexes in bytes, the largest first."""
    rows = connection.execute(
        text(
            "SELECT coalesce(inhparent, c.oid)::regclass::text AS name, sum(pg_total_relation_size(c.oid)) AS size "
            "FROM pg_class c LEFT JOIN pg_inherits ON inhrelid = c.oid "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' GROUP BY 1 ORDER BY size DESC, name"
        )
    )
    return {row.name: int(row.size) for row in rows}


def record(connection: Connection, removed: Mapping[str, int], sizes: Mapping[str, int]) -> None:
    """Record what a run removed, by rule, and the bytes of each store."""
    connection.execute(
        insert(RetentionRunRow).values(removed=dict(removed), sizes=dict(sizes)),
    )


def newest_sizes(connection: Connection) -> tuple[datetime, dict[str, int]] | None:
    """When the newest run measured, and the bytes of each store; None before the first run."""
    row = connection.execute(
        text("SELECT finished_at, sizes FROM retention_runs ORDER BY run_id DESC LIMIT 1")
    ).one_or_none()
    return (row.finished_at, dict(row.sizes)) if row else None


def training_run_ids(connection: Connection) -> set[str]:
    """MLflow runs of all versions: those of champions, and those that decisions name."""
    return set(connection.execute(text("SELECT run_id FROM model_versions")).scalars())


def deployed_digests(connection: Connection) -> set[str]:
    """Digests of every version that was to become champion."""
    query = text("SELECT DISTINCT digest FROM model_versions JOIN deployments ON to_version = version")
    return set(connection.execute(query).scalars())
