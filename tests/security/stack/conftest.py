"""Attacks on the embedded stack, as its users and other users of the machine. Run with: pytest -m stack."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.stack.conftest import QUICK, stack, stack_with

__all__ = ["stack", "stack_with"]


@pytest.fixture(scope="session")
def running():
    """A stack that is up, with the first champion and without tweets: one for all tests that change nothing."""
    from benchmarks.stack_home import StackHome

    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    home = StackHome(folder / "home", **QUICK)
    try:
        home.up(sample=False)
        home.sentiment("bootstrap")
        yield home
    finally:
        home.down()
        shutil.rmtree(folder, ignore_errors=True)
