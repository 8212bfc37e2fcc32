"""One component of the stack: how to start it, probe its health, and stop it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Component:
    """A server (command), a command that runs once, or a function called in the supervisor's process."""

    name: str
    command: list[str] = field(default_factory=list)
    call: Callable[[], None] | None = None
    prepare: Callable[[], None] | None = None
    healthy: Callable[[], bool] | None = None
    #: why it does not answer yet although nothing is wrong with it; None where it should answer
    busy: Callable[[], str | None] | None = None
    #: seconds between two probes once it has been healthy
    probe_every: float = 5.0
    #: consecutive failed probes after which it is restarted
    probes: int = 12
    #: components that answer its probe: while they are unhealthy the probe tells nothing
    judged_by: tuple[str, ...] = ()
    #: exits by itself with code 0
    once: bool = False
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    #: working folder; by default `/` for another user, and ours otherwise
    folder: Path | None = None
    port: int | None = None
    stop_signal: str = "SIGTERM"

    def start(self, log: Path, mark: str) -> subprocess.Popen[bytes]:
        """Start in a session of its own, so that the whole group can be stopped; `mark` identifies orphans later."""
        with log.open("ab") as file:
            return subprocess.Popen(
                self.command,
                env={**self.environment, "SENTIMENT_STACK": mark},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                cwd=self.folder or ("/" if self.user else None),
            )

    @property
    def signal(self) -> signal.Signals:
        """The signal that stops it."""
        return signal.Signals[self.stop_signal]


def group_signal(pid: int, number: signal.Signals) -> None:
    """Signal the process group that `pid` leads; no error when it is gone."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
