"""When each thing that has to run again and again last did, so that another process notices its silence."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

#: The DAG `maintain`, which completes what was interrupted and rolls back what does harm.
MAINTAIN = "maintain"


def beat(connection: Connection, name: str) -> None:
    """Record that it has just run."""
    connection.execute(
        text(
            "INSERT INTO heartbeats (name, beat_at) VALUES (:name, now()) "
            "ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at"
        ),
        {"name": name},
    )


def last(connection: Connection, name: str) -> datetime | None:
    """When it last ran; None before the first time."""
    at: datetime | None = connection.execute(
        text("SELECT beat_at FROM heartbeats WHERE name = :name"), {"name": name}
    ).scalar()
    return at
