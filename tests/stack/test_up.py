"""The stack goes up, tells its health, refuses what it must, and leaves nothing running."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture
def spaced():
    """A stack in a folder with spaces."""
    from benchmarks.stack_home import StackHome

    folder = Path(tempfile.mkdtemp(prefix="a stack with spaces "))
    folder.chmod(0o755)
    stack = StackHome(folder / "the home")
    yield stack
    stack.down()
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(home):
    """Living processes of this home: its supervisor, and everything in a session that one of its components leads."""
    from sentiment_lib.local import processes

    pids = set(processes.recorded(home / "run" / "processes.json").values())
    children = {child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True)}
    return [psutil.Process(pid) for pid in pids | children]


def answer(url, key):
    """Status of the answer to this key."""
    try:
        with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"}), timeout=10) as response:
            return response.status
    except HTTPError as error:
        return error.code


def until(condition, seconds):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.2)


def test_up_status_a_second_up_and_down_in_a_folder_with_spaces(spaced):
    spaced.up(sample=False)
    status = spaced.status()
    assert status["healthy"]
    assert {part["state"] for part in status["components"].values()} == {"healthy", "done"}
    servers = {"postgres", "mlflow", "api", "alerts", "airflow-scheduler", "airflow-api-server"}
    assert servers <= set(status["components"])
    assert not [part for part in status["components"].values() if part["restarts"]]

    with pytest.raises(RuntimeError, match=r"is already running \(pid \d+\)"):
        spaced.sentiment("up", "--no-sample", seconds=60)

    key = (spaced.home / "secrets" / "api-key").read_text()
    assert (spaced.home / "secrets" / "api-key").stat().st_mode & 0o777 == 0o600
    assert answer(f"{spaced.settings.api_url}/v1/model", key) != 401
    assert answer(f"{spaced.settings.api_url}/v1/model", "sk_wrong") == 401

    ours = processes_of(spaced.home)
    assert len(ours) > 10
    spaced.down()
    survivors = [process for process in ours if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert not survivors
    with pytest.raises(RuntimeError):
        spaced.status()  # exit code 1: not up


def test_two_starts_in_the_same_second_and_a_clean_end_by_ctrl_c(spaced):
    program = shutil.which("sentiment")
    starts = [
        subprocess.Popen(
            [program, "up", "--no-sample"],
            env=spaced.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        until(lambda: any(start.poll() is not None for start in starts), seconds=60)
        loser = next(start for start in starts if start.poll() is not None)
        winner = next(start for start in starts if start is not loser)
        assert loser.returncode == 1
        assert "is already running" in loser.communicate()[0]

        health = spaced.home / "run" / "health.json"
        until(lambda: health.exists() and '"healthy"' in health.read_text(), seconds=60)
        ours = processes_of(spaced.home)
        winner.send_signal(signal.SIGINT)
        said = winner.communicate(timeout=60)[0]
        assert winner.returncode == 0, said
        assert "Traceback" not in said
        assert not [process for process in ours if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    finally:
        for start in starts:
            if start.poll() is None:
                start.kill()
            start.wait()


def test_a_taken_port_is_refused_before_anything_starts(spaced):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        with pytest.raises(RuntimeError, match=rf"Port {port} for mlflow is taken.*--port-mlflow"):
            spaced.sentiment("up", "--no-sample", "--port-mlflow", port, seconds=60)
    assert not processes_of(spaced.home)
