"""Starts components in order of dependency, restarts what dies, and stops everything.

One thread supervises each component, and one keeps their logs small. State is in `run/`: processes.json (pids with
start times, so that a later start can stop what a killed supervisor left) and health.json (for `sentiment status`).
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from pathlib import Path

from sentiment_lib.errors import SentimentError, StackFailed
from sentiment_lib.files import write_atomically
from sentiment_lib.local import log_rotation, ports, processes
from sentiment_lib.local.component import Component
from sentiment_lib.local.stale_processes import SESSIONS, SUPERVISOR, send_signal, wait_for_exit
from sentiment_lib.retention_policy import RetentionPolicy

log = logging.getLogger(__name__)
#: Deaths before the first healthy probe after which the start fails.
TRIES = 4
BACK_OFF = (1.0, 2.0, 5.0, 10.0, 30.0)
POLL = 0.5


class Supervisor:
    """Runs the components until `stop`."""

    def __init__(
        self,
        components: list[Component],
        *,
        run: Path,
        logs: Path,
        mark: str,
        patience: float = 180,
        log_bytes: int = RetentionPolicy().log_bytes,
    ) -> None:
        self._components = {component.name: component for component in components}
        self._run, self._logs, self._mark, self._patience = run, logs, mark, patience
        self._stopping = threading.Event()
        self._reached = {name: threading.Event() for name in self._components}
        self._states = dict.fromkeys(self._components, "waiting")
        self._restarts = dict.fromkeys(self._components, 0)
        #: whether the last probe succeeded
        self._answered = dict.fromkeys(self._components, False)
        self._pids: dict[str, int] = {SUPERVISOR: os.getpid()}
        #: why a component is not healthy, where that is known
        self._problems: dict[str, str] = {}
        self._failure: SentimentError | None = None
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._supervise, args=(component,), name=component.name, daemon=True)
            for component in components
        ]
        rotation = (logs, log_bytes, self._stopping)
        self._threads.append(threading.Thread(target=log_rotation.keep_small, args=rotation, name="logs", daemon=True))

    def start(self) -> None:
        """Start everything; returns at once."""
        self._write()
        for thread in self._threads:
            thread.start()

    def states(self) -> dict[str, str]:
        """Component → waiting, starting, healthy, done, unwell, restarting or failed."""
        with self._lock:
            return dict(self._states)

    def failure(self) -> SentimentError | None:
        """Why the start failed; None while it has not."""
        return self._failure

    def healthy(self) -> bool:
        """Whether every component has been healthy once and none is restarting."""
        return all(state in ("healthy", "done") for state in self.states().values())

    def wait_until_healthy(self) -> None:
        """Return once every component is; raises what `failure` says when the start fails."""
        while not self.healthy():
            if failure := self.failure():
                raise failure
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop every component, in reverse order; no process of the stack remains."""
        self._stopping.set()
        names = list(reversed(self._components))
        with self._lock:
            living = [(self._components[name], self._pids[name]) for name in names if name in self._pids]
        servers = [pair for pair in living if pair[0].name != "postgres"]
        processes.end([pid for _, pid in servers], patience=20)
        for component, pid in living:
            if component.name == "postgres":
                # its backends end with it; signalled one by one they would count as crashed
                send_signal(pid, component.signal)
                wait_for_exit(pid, 20)
        for thread in self._threads:
            thread.join(timeout=5)
        processes.end(processes.find_orphans(self._mark, self._run / SESSIONS), patience=3)
        processes.end([pid for _, pid in living], patience=1)
        for name in ("processes.json", "health.json", SESSIONS):
            (self._run / name).unlink(missing_ok=True)

    def _supervise(self, component: Component) -> None:
        for name in component.after:
            while not self._reached[name].wait(POLL):
                if self._stopping.is_set():
                    return
        deaths = 0
        while not self._stopping.is_set():
            self._set(component.name, "starting" if deaths == 0 else "restarting")
            try:
                ended = self._run_once(component)
            except (SentimentError, OSError) as error:
                ended = str(error)
            except Exception as error:  # a call in this process may fail in any way: it counts as a death
                if self._stopping.is_set():  # what it used was stopped with the rest
                    return
                log.exception("%s failed", component.name)
                ended = f"{type(error).__name__}: {error}"
            if ended is None or self._stopping.is_set():
                return
            deaths += 1
            self._answered[component.name] = False
            with self._lock:
                self._restarts[component.name] += 1
            log.warning("%s ended: %s", component.name, ended)
            if not self._reached[component.name].is_set() and deaths >= TRIES:
                path = self._logs / f"{component.name}.log"
                self._failure = StackFailed(component=component.name, problem=ended, log=path)
                self._set(component.name, "failed")
                return
            self._stopping.wait(BACK_OFF[min(deaths, len(BACK_OFF)) - 1])

    def _run_once(self, component: Component) -> str | None:
        """None when it has finished for good, otherwise why it ended."""
        if component.prepare:
            component.prepare()
        if component.call:
            component.call()
            self._mark_reached(component, "done")
            return None
        process = component.start(self._logs / f"{component.name}.log", self._mark)
        with self._lock:
            self._pids[component.name] = process.pid
            processes.remember_session(self._run / SESSIONS, process.pid)
        self._write()
        try:
            return self._follow(component, process)
        finally:
            if process.poll() is None and not self._stopping.is_set():
                processes.end([process.pid], patience=10, first=component.signal)
            process.poll()
            # workers may outlive the process that forked them, some in process groups of their own
            if not self._stopping.is_set() and not component.once:
                processes.end_session(process.pid)
            with self._lock:
                self._pids.pop(component.name, None) if not self._stopping.is_set() else None
            self._write()

    def _follow(self, component: Component, process: subprocess.Popen[bytes]) -> str | None:
        give_up = time.monotonic() + self._patience
        was_healthy, failed, next_probe = False, 0, 0.0
        while not self._stopping.is_set():
            code = process.poll()
            if code is not None:
                if component.once and code == 0:
                    self._mark_reached(component, "done")
                    return None
                self._is_own(component, process.pid)
                problem = self._problems.get(component.name)
                return f"exit code {code}" + (f": {problem}" if problem else "")
            if time.monotonic() < next_probe:
                self._stopping.wait(min(POLL, component.probe_every))
                continue
            answered = component.healthy is not None and component.healthy() and self._is_own(component, process.pid)
            self._answered[component.name] = answered
            busy = self._is_busy(component) if not answered else False
            if answered and not was_healthy:
                was_healthy = True
                self._mark_reached(component, "healthy")
            if not was_healthy and (busy or not self._judge_answers(component)):
                give_up = time.monotonic() + self._patience  # nothing tells yet whether it is healthy
            if not was_healthy and not component.once and time.monotonic() > give_up:
                problem = self._problems.get(component.name)
                return f"not healthy after {self._patience:.0f} seconds" + (f": {problem}" if problem else "")
            # it cannot be healthy while a dependency is not, and a restart would not help
            counts = was_healthy and not answered and not busy and self._dependencies_answer(component)
            failed = failed + 1 if counts else 0
            if failed >= component.probes:
                self._set(component.name, "unwell")
                return f"{failed} probes in a row failed"
            next_probe = time.monotonic() + (component.probe_every if was_healthy else POLL)
        return None

    def _is_own(self, component: Component, pid: int) -> bool:
        """Whether no other process holds the port of this one: a stranger that answers is not the component."""
        problem = ports.stranger(component.port, pid) if component.port is not None else None
        self._note_problem(component, problem)
        return problem is None

    def _is_busy(self, component: Component) -> bool:
        """Whether it does not answer yet although nothing is wrong with it; what it does is its problem."""
        doing = component.busy() if component.busy is not None else None
        if doing is not None:
            self._note_problem(component, doing)
        return doing is not None

    def _note_problem(self, component: Component, problem: str | None) -> None:
        with self._lock:
            changed = self._problems.pop(component.name, None) != problem
            if problem:
                self._problems[component.name] = problem
        if changed:
            if problem:
                log.warning("%s: %s", component.name, problem)
            self._write()

    def _dependencies_answer(self, component: Component) -> bool:
        """Whether the last probe of every dependency succeeded."""
        return all(
            self._answered[name] and self._dependencies_answer(self._components[name])
            for name in (*component.after, *component.judged_by)
        )

    def _judge_answers(self, component: Component) -> bool:
        """Whether the components that answer its probe do."""
        return all(self._answered[name] for name in component.judged_by)

    def _mark_reached(self, component: Component, state: str) -> None:
        self._answered[component.name] = True
        self._set(component.name, state)
        self._reached[component.name].set()

    def _set(self, name: str, state: str) -> None:
        with self._lock:
            self._states[name] = state
        self._write()

    def _write(self) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            processes.record(self._run / "processes.json", self._pids)
            health = {
                name: {
                    "state": state,
                    "pid": self._pids.get(name),
                    "restarts": self._restarts[name],
                    "problem": self._problems.get(name),
                }
                for name, state in self._states.items()
            }
            write_atomically(self._run / "health.json", health, mode=0o600)
