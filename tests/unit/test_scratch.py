"""Scratch folders of killed processes are found, and those of processes that run are left alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from sentiment_lib import scratch


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_there_for_its_block_alone(temporary):
    with scratch.scratch_folder() as folder:
        (folder / "rows.txt").write_text("late")
        assert folder.parent == temporary
        assert scratch.abandoned() == []
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_is_found_and_removed(temporary):
    code = (
        "import os, pathlib, tempfile\n"
        "from sentiment_lib import scratch\n"
        f"tempfile.tempdir = {str(temporary)!r}\n"
        "with scratch.scratch_folder() as folder:\n"
        "    (folder / 'inner').mkdir()\n"
        "    (folder / 'inner' / 'rows.txt').write_text('late')\n"
        f"    os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    (left,) = scratch.abandoned()
    scratch.remove(left)
    scratch.remove(left)
    assert list(temporary.iterdir()) == []


def test_folders_of_other_machines_are_left_alone_for_a_day(temporary):
    other = temporary / "sentiment-elsewhere-7-abc"
    other.mkdir()
    (temporary / f"sentiment-{socket.gethostname()}-notes").mkdir()
    assert scratch.abandoned() == []
    day = time.time() - scratch.FOREIGN - 1
    os.utime(other, (day, day))
    assert scratch.abandoned() == [other]
