"""Progress of long work: steps report it, and the command line draws it. Without a watcher a report does nothing.

A context variable and not an argument: reports come from the depths of a step, and no result depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: What is being done, how much of it is done, and how much there is; None where nobody knows.
Watcher = Callable[[str, float, float | None], None]
_watcher: ContextVar[Watcher | None] = ContextVar("progress_watcher", default=None)


def report(doing: str, done: float = 0, total: float | None = None) -> None:
    """Tell the watcher that `done` of `total` units of this work are done."""
    if watcher := _watcher.get():
        watcher(doing, done, total)


def is_watched() -> bool:
    """Whether a report is seen: a step then may spend a query on the total."""
    return _watcher.get() is not None


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Send the reports of this block to a watcher."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
