"""One embedded stack on the sample stream for all tests that can share it: a start and its first loop take minutes."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stack.approvals import CHAMPION, POLICY

QUICK = {
    "SENTIMENT_SAMPLE_PER_DAY": "0",
    "SENTIMENT_POLICY__RETRAIN__COOL_DOWN": "P10D",
    "SENTIMENT_POLICY__RETRAIN__NEW_LABELS": "1000000",
}


@contextmanager
def stacks():
    """Makes embedded stacks, not up yet, with settings of their own; all are stopped at the end of the block."""
    from benchmarks.stack_home import StackHome

    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    made = []

    def make(name="home", **environment):
        made.append(StackHome(folder / name, **QUICK | environment))
        return made[-1]

    try:
        yield make
    finally:
        for home in made:
            home.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def unpromoted_stack():
    """Finds the shared stack; starts another where a test has promoted a version."""
    used = []

    def find():
        if used and all(row["version"] == 1 for row in used[-1].rows(CHAMPION)):  # none yet is none promoted
            return used[-1]
        if used:
            used[-1].down()
        home = make(f"home-{len(used)}", **POLICY)
        home.up(sample=True)
        used.append(home)
        return home

    with stacks() as make:
        yield find


@pytest.fixture
def running(unpromoted_stack):
    """A stack on the sample stream whose champion is still the first version."""
    return unpromoted_stack()


@pytest.fixture
def asked(running):
    """The same, once it has asked for its first approval."""
    person = running.airflow("mlops")
    asked = "SELECT 1 FROM approvals LIMIT 1"
    person.until(lambda: person.waiting() or running.rows(asked), seconds=600, what="the first question")
    return running
