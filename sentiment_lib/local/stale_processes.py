"""Ends what a killed supervisor left running: Postgres last and gently, the rest at once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from sentiment_lib.local import processes

SUPERVISOR = "supervisor"
SESSIONS = "sessions.json"


def stop_stale(run: Path, mark: str) -> int:
    """End what a killed supervisor left running; returns how many processes that were."""
    living = processes.recorded(run / "processes.json")
    living.pop(SUPERVISOR, None)
    database = living.pop("postgres", None)
    strays = [pid for pid in processes.strays(mark, run / SESSIONS) if not _of_database(pid, database)]
    processes.end({*living.values(), *strays}, patience=15)
    if database is not None:
        ask(database, signal.SIGINT)
        wait_gone(database, 20)
    for name in ("processes.json", "health.json", SESSIONS):
        (run / name).unlink(missing_ok=True)
    return len({*living.values(), *strays}) + (database is not None)


def _of_database(pid: int, database: int | None) -> bool:
    """Postgres' backends end with it: a signal to each of them would be a crash."""
    try:
        return database is not None and os.getsid(pid) == database
    except ProcessLookupError:
        return False


def ask(pid: int, number: signal.Signals) -> None:
    """Signal one process; one that is gone already is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_gone(pid: int, seconds: float) -> None:
    """Return when the process has ended; it is killed after so many seconds."""
    give_up = time.monotonic() + seconds
    while processes.started_at(pid) is not None and time.monotonic() < give_up:
        time.sleep(0.1)
    if processes.started_at(pid) is not None:
        processes.end([pid], patience=0)
