"""Progress as lines, for logs and pipes: each stage that lasts, and from time to time how much of it is done."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sentiment_lib import progress
from sentiment_lib.pages import formatting

#: Seconds until the first line, and at least between two: what is faster says nothing.
PATIENCE = 2.0
#: Seconds until a stage that goes on says how far it is.
AGAIN = 30.0


@contextmanager
def progress_lines(doing: str) -> Iterator[None]:
    """Write lines to stderr about the work of the block, called `doing`; the last says that it is done."""
    lines = _Lines(doing)
    thread = threading.Thread(target=lines.follow, name="progress", daemon=True)
    thread.start()
    try:
        with progress.watched_by(lines.note):
            yield
        lines.succeeded = True
    finally:
        lines.ended.set()
        thread.join()


def amount(done: float, total: float | None) -> str:
    """`45 %` of a share, `1,200 of 5,000` of a count, `1,200` without a total, nothing before the first unit."""
    if total is None:
        return f"{done:,.0f}" if done else ""
    return f"{done:.0%}" if total == 1 else f"{done:,.0f} of {total:,.0f}"


class _Lines:
    """The newest report, and the thread's lines about it."""

    def __init__(self, doing: str) -> None:
        self.ended = threading.Event()
        self.succeeded = False
        self._doing = doing
        self._report: tuple[str, float, float | None] = (doing, 0, None)

    def note(self, what: str, done: float, total: float | None) -> None:
        """Take a report."""
        self._report = (what, done, total)

    def follow(self) -> None:
        """Write until the end."""
        began = time.monotonic()
        stage, written, line = "", 0.0, ""
        while not self.ended.wait(PATIENCE):
            what, done, total = self._report
            if what == stage and time.monotonic() - written < AGAIN:
                continue
            passed, before = amount(done, total), line
            line = f"{what}: {passed}" if passed and what == stage else f"{what} …"
            if not stage and what != self._doing:
                self._write(f"{self._doing} …")
            if line != before:
                self._write(line)
            stage, written = what, time.monotonic()
        if stage and self.succeeded:
            self._write(f"{self._doing}: done after {formatting.duration(time.monotonic() - began)}")

    def _write(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
