"""Make partitions ahead, remove what is past its retention, and measure what everything takes up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sentiment_lib.settings import Settings
from sentiment_lib.storage import partitions, retention
from sentiment_lib.storage.engine import Store

#: Tables with a rule of the same name.
TABLES = ("quarantine", "alert_messages")


@dataclass(frozen=True, kw_only=True)
class RetentionResult:
    """What was removed, and what remains."""

    #: partitions of tweets that were made ahead
    partitions: int
    #: rule of the policy -> number of rows, files or packages removed
    removed: Mapping[str, int]
    #: table of the database -> bytes, with indexes
    tables: Mapping[str, int]
    #: folder below SENTIMENT_HOME -> bytes of its files
    folders: Mapping[str, int]


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> RetentionResult:
    """Apply the policy's section `retention` as of `at` (default: now). Idempotent, and safe to kill at any point."""
    now, policy = at or datetime.now(UTC), settings.policy.retention
    with store.begin() as connection:
        made = partitions.add_missing(connection, now + policy.partitions_ahead, policy.partition)
    removed = {table: _remove_rows(store, table, now - getattr(policy, table)) for table in TABLES}
    removed["landing"] = _remove_ingested(settings.landing, now - policy.landing)
    removed["model_cache"] = _remove_packages(store, settings, now - policy.model_cache)
    with store.begin() as connection:
        tables = retention.table_bytes(connection)
    return RetentionResult(partitions=made, removed=removed, tables=tables, folders=folder_bytes(settings.home))


def folder_bytes(home: Path) -> dict[str, int]:
    """Bytes of the files in each folder of the state folder, by its name."""
    return {folder.name: sum(_sizes(folder)) for folder in sorted(home.glob("*")) if folder.is_dir()}


def _remove_rows(store: Store, table: str, before: datetime) -> int:
    """In batches of one transaction each, so that no lock is held for long."""
    total = 0
    while True:
        with store.begin() as connection:
            removed = retention.remove_rows(connection, table, before)
        total += removed
        if removed < retention.BATCH:
            return total


def _remove_ingested(landing: Path, before: datetime) -> int:
    """Files that were moved to done/ and failed/ before then, with the reasons beside them."""
    removed = 0
    for name in ("done", "failed"):
        for path in (landing / name).glob("*"):
            # a move changes the time of the entry, and keeps that of the content
            if not path.is_dir() and path.lstat().st_ctime < before.timestamp():
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _remove_packages(store: Store, settings: Settings, before: datetime) -> int:
    """Cached packages of versions that never were champion; a version that is needed again is downloaded."""
    with store.begin() as connection:
        kept = retention.deployed_digests(connection)
    removed = 0
    for folder in (settings.home / "cache" / "models").glob("[!.]*"):
        if folder.name not in kept and folder.stat().st_ctime < before.timestamp():
            shutil.rmtree(folder)
            removed += 1
    return removed


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of each file below the folder; files that go meanwhile, and those of others, count nothing."""
    for path in folder.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                yield path.lstat().st_size
        except (FileNotFoundError, PermissionError):
            continue
