"""Embedded stacks with settings of their own, as a user starts them. Run with: pytest tests/stack -m stack."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.stack.shared_stack import QUICK


@pytest.fixture
def stack_with():
    """Makes a stack, not up yet, with settings of its own; all are stopped at the end."""
    from benchmarks.stack_home import StackHome

    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    made = []

    def stack(**environment):
        made.append(StackHome(folder / "home", **QUICK | environment))
        return made[-1]

    yield stack
    for home in made:
        home.down()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stack(stack_with):
    """A stack that is not up yet."""
    return stack_with()
