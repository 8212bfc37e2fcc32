"""Table `backups`: one row for each backup that was completed, and what its last restore drill found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from sentiment_lib.storage.tables import BackupRow


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A completed backup."""

    #: also the name of its folder
    name: str
    #: the moment whose state it holds
    as_of: datetime
    finished_at: datetime
    #: of all its files
    size_bytes: int
    #: SHA-256 of its manifest
    manifest_hash: str
    drilled_at: datetime | None = None
    drill_seconds: float | None = None
    #: why the last drill failed; None when it passed
    drill_problem: str | None = None


def store(connection: Connection, backup: Backup) -> None:
    """Insert the row of a completed backup, unless it is there."""
    if find(connection, backup.name) is None:
        connection.execute(insert(BackupRow).values(**vars(backup)))


def record_drill(connection: Connection, name: str, *, at: datetime, took: timedelta, problem: str | None) -> None:
    """Note what a restore drill of the backup found."""
    values = {"drilled_at": at, "drill_seconds": took.total_seconds(), "drill_problem": problem}
    connection.execute(update(BackupRow).where(BackupRow.name == name).values(**values))


def find(connection: Connection, name: str) -> Backup | None:
    """The backup of this name; None for an unknown one."""
    row = connection.execute(select(*_COLUMNS).where(BackupRow.name == name)).mappings().one_or_none()
    return Backup(**row) if row else None


def newest(connection: Connection, limit: int = 1) -> list[Backup]:
    """The newest backups first."""
    query = select(*_COLUMNS).order_by(BackupRow.as_of.desc()).limit(limit)
    return [Backup(**row) for row in connection.execute(query).mappings()]


def last_drilled(connection: Connection) -> Backup | None:
    """The backup of the newest restore drill; None before the first."""
    query = select(*_COLUMNS).where(BackupRow.drilled_at.is_not(None)).order_by(BackupRow.drilled_at.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return Backup(**row) if row else None


_COLUMNS = tuple(getattr(BackupRow, name) for name in Backup.__dataclass_fields__)
