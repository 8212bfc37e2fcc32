"""The moment at which a step acts: the machine's clock or, in a replay of recorded tweets, a simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_simulated: list[datetime] = []


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return _simulated[-1] if _simulated else datetime.now(UTC)


@contextmanager
def simulated(moment: datetime) -> Iterator[None]:
    """Let the clock of this process, all of its threads, stand at an aware moment within the block."""
    _simulated.append(moment.astimezone(UTC))
    try:
        yield
    finally:
        _simulated.pop()
