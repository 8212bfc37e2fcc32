"""One part of the stack: how to start it, how to tell that it is well, how to end it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Component:
    """A server (command), a command that runs once, or a call in the supervisor's own process."""

    name: str
    command: list[str] = field(default_factory=list)
    call: Callable[[], None] | None = None
    prepare: Callable[[], None] | None = None
    healthy: Callable[[], bool] | None = None
    #: seconds between two probes of what has been well once
    probe_every: float = 5.0
    #: so many failed probes in a row, and it is started again
    probes: int = 12
    #: components that its probe asks: while they are not well it says nothing
    judged_by: tuple[str, ...] = ()
    #: ends by itself with exit code 0
    once: bool = False
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    port: int | None = None
    stop_signal: str = "SIGTERM"

    def start(self, log: Path, mark: str) -> subprocess.Popen[bytes]:
        """Start in a session of its own, so that the whole group can be ended; `mark` finds strays later."""
        with log.open("ab") as file:
            return subprocess.Popen(
                self.command,
                env={**self.environment, "SENTIMENT_STACK": mark},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                cwd="/" if self.user else None,
            )

    @property
    def signal(self) -> signal.Signals:
        """Signal that asks it to end."""
        return signal.Signals[self.stop_signal]


def group_signal(pid: int, number: signal.Signals) -> None:
    """Signal the whole group that the process leads; one that is gone already is no error."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
