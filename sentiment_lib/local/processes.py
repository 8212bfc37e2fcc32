"""Identifies processes of the stack: recorded by pid and start time, and marked in their environment."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

from sentiment_lib.files import write_atomically
from sentiment_lib.local.component import group_signal

#: Pids are reused; the same pid with a start time this close (seconds) is the same process.
SAME_START = 1.0


def started_at(pid: int) -> float | None:
    """Start time of a running process (Unix seconds), None when no process has that pid."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def record(path: Path, pids: dict[str, int]) -> None:
    """Store name → (pid, start time)."""
    entries = {name: (pid, started_at(pid)) for name, pid in pids.items()}
    alive = {name: entry for name, entry in entries.items() if entry[1] is not None}
    write_atomically(path, alive, mode=0o600)


def recorded(path: Path) -> dict[str, int]:
    """Name → pid of the recorded processes that still run."""
    try:
        entries = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    living = {}
    for name, (pid, start) in entries.items():
        now = started_at(pid)
        if now is not None and abs(now - start) < SAME_START:
            living[name] = pid
    return living


def end(pids: Iterable[int], *, patience: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Signal the processes, their groups and descendants; kill what still runs after `patience` seconds."""
    family = _with_descendants(pids)
    for process in family:
        _signal(process, first)
    _, living = psutil.wait_procs(family, timeout=patience)
    for process in living:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(living, timeout=5)


def find_orphans(mark: str, sessions: Path) -> list[int]:
    """Pids of orphans of dead components: in a session that a component led, or with the stack's mark.

    Both checks are needed: a process that sets its title overwrites its environment, and one that calls setsid has left
    the session.
    """
    own = psutil.Process()
    keep = {own.pid, *(parent.pid for parent in own.parents())}
    led = _sessions(sessions)
    return [process.pid for process in psutil.process_iter() if process.pid not in keep and _ours(process, mark, led)]


def end_session(leader: int) -> None:
    """Kill the remaining processes of a session whose leader has died."""
    remaining = [process for process in psutil.process_iter() if _session(process.pid) == leader]
    for process in remaining:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(remaining, timeout=5)


def remember_session(sessions: Path, pid: int) -> None:
    """Store a session that a component leads; kept until the stack stops."""
    started = _sessions(sessions)
    started[pid] = started_at(pid) or 0.0
    write_atomically(sessions, {str(leader): start for leader, start in started.items()}, mode=0o600)


def _sessions(path: Path) -> dict[int, float]:
    try:
        return {int(pid): start for pid, start in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}


def _ours(process: psutil.Process, mark: str, led: dict[int, float]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        session = os.getsid(process.pid)
        if session in led and process.create_time() >= led[session] - SAME_START:
            leader = started_at(session)
            # the pid may have been reused by another process since: then the session is not the stack's
            return leader is None or abs(leader - led[session]) < SAME_START
        return bool(process.environ().get("SENTIMENT_STACK") == mark)
    except (psutil.Error, ProcessLookupError, PermissionError):
        return False


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _with_descendants(pids: Iterable[int]) -> list[psutil.Process]:
    family: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            family.update({member.pid: member for member in (process, *process.children(recursive=True))})
        except psutil.NoSuchProcess:
            continue
    return list(family.values())


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        if number == signal.SIGKILL:
            group_signal(process.pid, number)
        process.send_signal(number)
    except (psutil.NoSuchProcess, PermissionError):
        return
