"""Calls that end at a line, or where they call a function, as if the process were killed there."""

from __future__ import annotations

import sys

from benchmarks.forget.killed_run import FOLDERS, DieAt


class Killed(BaseException):
    """The process is gone."""


class Die(DieAt):
    def die(self):
        raise Killed


def run_and_die(line, call, sources=FOLDERS):
    """Whether the call died at this line of the files or folders; False when it ended before it came there."""
    sys.settrace(Die(line, sources))
    try:
        call()
    except Killed:
        return True
    finally:
        sys.settrace(None)
    return False


def run_until(module, name, call, monkeypatch):
    """Run the call until it calls this function of the module, and check that it does."""

    def die(*_args, **_named):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, name, die)
        try:
            call()
        except Killed:
            return
    raise AssertionError(f"it never called {name}")
