"""Make partitions ahead, remove what is past its retention, and measure what everything takes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sentiment_lib import clock
from sentiment_lib.registry import old_runs
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import old_files, tweet_retention
from sentiment_lib.storage import partitions, retention
from sentiment_lib.storage.engine import Store

#: Tables with a rule of the same name.
TABLES = {"quarantine": "quarantine", "alert_messages": "alert_messages", "measurements": "retention_runs"}


@dataclass(frozen=True, kw_only=True)
class RetentionResult:
    """What was removed, and what remains."""

    #: partitions of tweets that were made ahead
    partitions: int
    #: rule of the policy -> number of tweets, rows, files, packages or runs removed
    removed: Mapping[str, int]
    #: table of the database -> bytes, with indexes
    tables: Mapping[str, int]
    #: folder below SENTIMENT_HOME -> bytes of its files
    folders: Mapping[str, int]


def run(
    store: Store, settings: Settings, *, at: datetime | None = None, task_logs: Sequence[Path] = ()
) -> RetentionResult:
    """Apply the policy's section `retention` as of `at` (default: now). Idempotent, and safe to kill at any point.

    task_logs: folders of Airflow's task logs outside SENTIMENT_HOME.
    """
    now, policy = at or clock.now(), settings.policy.retention
    with store.begin() as connection:
        made = partitions.add_missing(connection, now + policy.partitions_ahead, policy.partition)
        deployed = retention.deployed_digests(connection)
    removed = tweet_retention.run(store, policy, now)
    removed |= {rule: _remove_rows(store, table, now - getattr(policy, rule)) for rule, table in TABLES.items()}
    removed["landing"] = old_files.remove_ingested(settings.landing, now - policy.landing)
    removed["model_cache"] = old_files.remove_packages(
        settings.home / "cache" / "models", now - policy.model_cache, deployed
    )
    logs = settings.home / "logs"
    removed["logs"] = sum(old_files.remove_logs(folder, now - policy.logs) for folder in (logs / "airflow", *task_logs))
    folders = old_files.folder_bytes(settings.home)
    with store.begin() as connection:
        tables = retention.table_bytes(connection)
        sizes = {**tables, **{f"{name}/": size for name, size in folders.items()}}
        retention.record(connection, removed, sizes)
    return RetentionResult(partitions=made, removed=removed, tables=tables, folders=folders)


def remove_training_runs(store: Store, settings: Settings, *, at: datetime | None = None) -> int:
    """Remove MLflow runs past their retention that led to no version, with their files; returns how many."""
    before = (at or clock.now()) - settings.policy.retention.training_runs
    with store.begin() as connection:
        kept = retention.training_run_ids(connection)
    return old_runs.remove(Registry(settings), before, kept)


def _remove_rows(store: Store, table: str, before: datetime) -> int:
    """In batches of one transaction each, so that no lock is held for long."""
    total = 0
    while True:
        with store.begin() as connection:
            removed = retention.remove_rows(connection, table, before)
        total += removed
        if removed < retention.BATCH:
            return total
