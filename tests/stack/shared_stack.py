"""One embedded stack on the sample stream for all tests that can share it: a start and its first loop take minutes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.stack.approvals import CHAMPION, POLICY

QUICK = {
    "SENTIMENT_SAMPLE_PER_DAY": "0",
    "SENTIMENT_POLICY__RETRAIN__COOL_DOWN": "P10D",
    "SENTIMENT_POLICY__RETRAIN__NEW_LABELS": "1000000",
}


def start(folder):
    """A stack that is up on the sample stream, its first loop begun."""
    from benchmarks.stack_home import StackHome

    home = StackHome(folder / "home", **QUICK, **POLICY)
    try:
        home.up(sample=True)
    except BaseException:
        home.down()
        raise
    return home


@pytest.fixture(scope="session")
def unpromoted_stack():
    """Finds the shared stack; starts another where a test has promoted a version."""
    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    made = []

    def find():
        if made and made[-1].rows(CHAMPION)[0]["version"] != 1:
            made.pop().down()
        if not made:
            made.append(start(Path(tempfile.mkdtemp(dir=folder))))
        return made[-1]

    yield find
    for home in made:
        home.down()
    shutil.rmtree(folder, ignore_errors=True)


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
