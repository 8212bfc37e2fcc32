"""The embedded Postgres runs in a closed folder, and nothing above its data folder changes its mode."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from benchmarks.stack_home import free_port
from sentiment_lib.local import postgres
from sentiment_lib.local.component import Component
from sentiment_lib.local.state_folder import Home, Ports

PASSWORD = "of the test"


@pytest.fixture
def closed():
    """A folder that only its owner may enter, in a short path."""
    folder = Path(tempfile.mkdtemp(prefix="closed-"))
    yield folder
    shutil.rmtree(folder)


def test_postgres_starts_in_a_closed_folder_and_no_mode_changes(closed, monkeypatch):
    home, ports = Home(closed / "with space" / "home"), Ports(postgres=free_port())
    if run_as := postgres.run_as():
        # as if the wheel lay in a closed folder too
        shared = Path(tempfile.mkdtemp(prefix="programs-"))
        monkeypatch.setattr(postgres, "COPIES", shared)
        monkeypatch.setattr(postgres, "_can_run", lambda *_: False)
    home.create()
    above = [*reversed(home.postgres.parents), postgres.binaries(), postgres.binaries().parent]
    before = [path.stat().st_mode for path in above]
    postgres.prepare(home, PASSWORD)
    server = Component(
        name="postgres", command=postgres.command(home, ports), user=run_as, folder=home.postgres, environment={}
    )
    process = server.start(home.logs / "postgres.log", "mark")
    try:
        give_up = time.monotonic() + 60
        while not postgres.accepts_connections(ports, PASSWORD):
            assert process.poll() is None, (home.logs / "postgres.log").read_text()
            assert time.monotonic() < give_up
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert [path.stat().st_mode for path in above] == before
    assert {path.stat().st_mode & 0o077 for path in (closed, home.path, *home.path.iterdir())} == {0}
    if run_as:
        assert Path(server.command[0]).is_relative_to(shared)
        shutil.rmtree(shared)
        assert home.postgres.stat().st_uid != os.getuid()
