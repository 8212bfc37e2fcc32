"""Stops what a killed supervisor left running: Postgres last and cleanly, the rest at once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from sentiment_lib.local import processes

SUPERVISOR = "supervisor"
SESSIONS = "sessions.json"


def stop_stale(run: Path, mark: str) -> int:
    """Stop the processes of a killed supervisor; returns their number."""
    living = processes.recorded(run / "processes.json")
    living.pop(SUPERVISOR, None)
    database = living.pop("postgres", None)
    orphans = [pid for pid in processes.find_orphans(mark, run / SESSIONS) if not _of_database(pid, database)]
    processes.end({*living.values(), *orphans}, patience=15)
    if database is not None:
        send_signal(database, signal.SIGINT)
        wait_for_exit(database, 20)
    for name in ("processes.json", "health.json", SESSIONS):
        (run / name).unlink(missing_ok=True)
    return len({*living.values(), *orphans}) + (database is not None)


def _of_database(pid: int, database: int | None) -> bool:
    """Whether it is a backend of Postgres, which ends with it; signalled by itself it would count as a crash."""
    try:
        return database is not None and os.getsid(pid) == database
    except ProcessLookupError:
        return False


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal one process; no error when it is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_for_exit(pid: int, seconds: float) -> None:
    """Return when the process has ended; kill it after `seconds`."""
    give_up = time.monotonic() + seconds
    while processes.started_at(pid) is not None and time.monotonic() < give_up:
        time.sleep(0.1)
    if processes.started_at(pid) is not None:
        processes.end([pid], patience=0)
