"""`sentiment up`, `down` and `status`, below the command line."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from sentiment_lib.errors import BadInput, BadSetting, SentimentError, StackFailed
from sentiment_lib.files import write_atomically
from sentiment_lib.local import components, processes, sample_data, secrets
from sentiment_lib.local.ports import require_free
from sentiment_lib.local.stale_processes import SUPERVISOR, stop_stale
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.local.supervisor import Supervisor
from sentiment_lib.registry import experiment
from sentiment_lib.settings import home_folder, load_settings
from sentiment_lib.sources import living_sample
from sentiment_lib.storage import grants

log = logging.getLogger(__name__)
Show = Callable[[dict[str, str]], None]
#: Log of a stack that `detach` started, below `Home.logs`.
LOG = "supervisor.log"
#: Ports of the running stack, below `Home.run`.
PORTS_FILE = "ports.json"


class AlreadyUp(SentimentError):
    """The stack in {home} is already running (pid {pid}): see `sentiment status`, or run `sentiment down`"""


def ports() -> Ports:
    """Default ports, each replaced by SENTIMENT_PORT_AIRFLOW, _MLFLOW, _POSTGRES or _API. Raises BadSetting."""
    default = Ports()
    overrides = {name: os.environ.get(f"SENTIMENT_PORT_{name.upper()}") for name in asdict(default)}
    return replace(default, **{name: _port(name, text) for name, text in overrides.items() if text})


def _port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise BadSetting(setting=f"SENTIMENT_PORT_{name.upper()}", problem=f"'{text}' is not a port (1 to 65535)")
    return int(text)


def ports_in_use(home: Home) -> Ports:
    """Ports that the running stack recorded: another terminal may have chosen them."""
    return Ports(**json.loads((home.run / PORTS_FILE).read_text()))


def choose_ports(**ports_by_name: int | None) -> None:
    """Use these ports in this process and its children; None keeps the port of a component."""
    os.environ.update({f"SENTIMENT_PORT_{name.upper()}": str(port) for name, port in ports_by_name.items() if port})


def supervise(*, sample: bool, show: Show, ready: Callable[[], None], make_key: Callable[[], str]) -> None:
    """Run the stack in this process until SIGINT or SIGTERM; raises StackFailed when it does not become healthy."""
    home = Home(home_folder())
    home.create()
    with exclusive(home):
        _supervise(home, sample=sample, show=show, ready=ready, make_key=make_key)


@contextmanager
def exclusive(home: Home) -> Iterator[None]:
    """Hold the lock of the state folder, which the kernel releases when we die; AlreadyUp names the holder."""
    with (home.run / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyUp(home=home.path, pid=file.read() or "starting") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _supervise(home: Home, *, sample: bool, show: Show, ready: Callable[[], None], make_key: Callable[[], str]) -> None:
    if home.restoring.exists():
        problem = f"a restore into it has not ended: repeat `sentiment restore {home.restoring.read_text()}`"
        raise BadInput(what=f"the state folder {home.path}", problem=problem)
    credentials = secrets.read_or_create(home)
    if stopped := stop_stale(home.run, credentials["stack_id"]):
        log.warning("stopped %d stale processes of an earlier start", stopped)
    (home.run / "ready").unlink(missing_ok=True)
    require_free(ports())
    write_atomically(home.run / PORTS_FILE, asdict(ports()))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if not sample:
        living_sample.end(home.path)
    parts = components.components(home, ports(), sample=sample, make_key=make_key)
    supervisor = Supervisor(
        parts,
        run=home.run,
        logs=home.logs,
        mark=credentials["stack_id"],
        log_bytes=load_settings().policy.retention.log_bytes,
    )
    supervisor.start()
    try:
        while not stop.is_set() and not supervisor.healthy():
            show(supervisor.states())
            if failure := supervisor.failure():
                raise failure
            stop.wait(0.5)
        if not stop.is_set():
            show(supervisor.states())
            if sample:
                sample_data.trigger_first_runs(load_settings(), home.run)
            (home.run / "ready").touch()
            ready()
        stop.wait()
    finally:
        supervisor.stop()
        (home.run / "ready").unlink(missing_ok=True)


def detach(*, sample: bool, show: Show, patience: float = 420) -> None:
    """Return when the stack is ready: started in a process of its own, or running already."""
    home = Home(home_folder())
    home.create()
    log_path = home.logs / LOG
    offset = log_path.stat().st_size if log_path.exists() else 0
    running = processes.recorded(home.run / "processes.json").get(SUPERVISOR)
    process = None if running else _start_supervisor(home, log_path, sample)
    give_up = time.monotonic() + patience
    while not (home.run / "ready").exists():
        show({name: part["state"] for name, part in _health(home).items()})
        if process.poll() is not None if process else processes.started_at(running or 0) is None:
            raise SentimentError(_last_error(log_path, offset))
        if time.monotonic() > give_up:
            raise StackFailed(component="the stack", problem=f"not ready after {patience:.0f} seconds", log=log_path)
        time.sleep(0.5)
    show({name: part["state"] for name, part in _health(home).items()})


def _start_supervisor(home: Home, log_path: Path, sample: bool) -> subprocess.Popen[bytes]:
    (home.run / "ready").unlink(missing_ok=True)
    command = [sys.executable, "-m", "sentiment_lib.cli", "up", *([] if sample else ["--no-sample"])]
    with log_path.open("ab") as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )


def down() -> bool:
    """Stop everything; False when nothing ran."""
    home = Home(home_folder())
    path = home.run / "processes.json"
    pid = processes.recorded(path).get(SUPERVISOR)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        give_up = time.monotonic() + 90
        while processes.started_at(pid) is not None and time.monotonic() < give_up:
            time.sleep(0.2)
    secrets_file = home.secrets / "stack.env.json"
    stale = stop_stale(home.run, json.loads(secrets_file.read_text())["stack_id"]) if secrets_file.exists() else 0
    return pid is not None or stale > 0


def status() -> dict[str, Any]:
    """Whether the stack is up, and the state, pid and restarts of each component."""
    home = Home(home_folder())
    pid = processes.recorded(home.run / "processes.json").get(SUPERVISOR)
    parts = _health(home) if pid else {}
    ready = pid is not None and (home.run / "ready").exists()
    healthy = ready and all(part["state"] in ("healthy", "done") and not part["problem"] for part in parts.values())
    return {"home": str(home.path), "up": ready, "healthy": healthy, "supervisor": pid, "components": parts}


def logins() -> list[tuple[str, str, str, str]]:
    """(name, address, user, password) of everything that a person can open."""
    home = Home(home_folder())
    used = ports_in_use(home)
    credentials, users = secrets.read_or_create(home), secrets.passwords(home)
    airflow = f"http://127.0.0.1:{used.airflow}"
    rows = [
        (f"Airflow ({role})", airflow, user, users[user])
        for user, role in (("admin", "administers"), ("mlops", "approves"), ("platform", "views"))
    ]
    api = f"http://127.0.0.1:{used.api}"
    rows.append(("API and test page", api, "local (key)", home.api_key.read_text().strip()))
    database = f"postgresql://127.0.0.1:{used.postgres}/sentiment"
    reader = credentials[f"mlflow_{secrets.MLFLOW_READER}_account"]
    runs = experiment.runs_address(f"http://127.0.0.1:{used.mlflow}")
    rows.append(("MLflow (reads)", runs, secrets.MLFLOW_READER, reader))
    rows.append(("Postgres (reads)", database, grants.CONSOLE, credentials[f"{grants.CONSOLE}_password"]))
    return rows


def log_folder() -> Path:
    """Where each component writes its log file."""
    return Home(home_folder()).logs


def writes_to_log(stream: TextIO) -> bool:
    """Whether a stream is the supervisor's log file: no password goes there."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), (log_folder() / LOG).stat())
    except OSError:  # a stream without a file, or no such log
        return False


def _health(home: Home) -> dict[str, Any]:
    try:
        health: dict[str, Any] = json.loads((home.run / "health.json").read_text())
        return health
    except FileNotFoundError:
        return {}


def _last_error(path: Path, offset: int) -> str:
    """The last error that the supervisor logged after `offset`, without its prefix."""
    lines = path.read_bytes()[offset:].decode(errors="replace").splitlines()
    errors = [line.removeprefix("sentiment: ") for line in lines if line.startswith("sentiment: ")]
    return errors[-1] if errors else f"the stack ended; see {path}"
