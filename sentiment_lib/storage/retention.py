"""Rows that are past their retention, and how large the tables are. Rows that evidence rests on are never removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

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
    """Size of each table with its indexes in bytes, the largest first."""
    rows = connection.execute(
        text(
            "SELECT relname, pg_total_relation_size(relid) AS size FROM pg_stat_user_tables "
            "WHERE schemaname = 'public' ORDER BY size DESC, relname"
        )
    )
    return {row.relname: int(row.size) for row in rows}


def deployed_digests(connection: Connection) -> set[str]:
    """Digests of every version that was to become champion."""
    query = text("SELECT DISTINCT digest FROM model_versions JOIN deployments ON to_version = version")
    return set(connection.execute(query).scalars())
