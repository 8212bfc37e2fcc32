"""The sample stream in real time: what it has "written" since its newest stored tweet, until it is ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sentiment_lib import clock
from sentiment_lib.files import write_atomically
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.sources.sample_stream import NAME, Event, SampleStream

#: In SENTIMENT_HOME: when the stream of this installation began, and whether it goes on.
PLAN = Path("run") / "first-run.json"
#: A stack that was down for longer has a gap.
CATCH_UP = timedelta(days=1)
#: Each ten days bring words that come and go, and a storm of a day.
PERIOD = 10
CHANGES = (Event(kind="slang", day=1, days=3, share=0.05), Event(kind="storm", day=8, days=1, share=0.4))


class LivingSample:
    """Rows written after `after` and until `until`, of the stream that began at `start`.

    A stream of the same start has the same rows, whenever they are read.
    """

    def __init__(self, *, start: datetime, after: datetime, until: datetime, per_day: int) -> None:
        self._start, self._after, self._until, self._per_day = start, after, until, per_day
        # the rows depend on the time, so an interrupted poll is never resumed by row number
        self.identity = SourceIdentity(name=NAME, digest=f"living:{after.isoformat()}:{time.time_ns()}", synthetic=True)

    def rows(self) -> Iterator[Row]:
        """Rows, oldest first."""
        first, last = ((moment - self._start).days for moment in (self._after, self._until))
        for day in range(first, last + 1):
            yield from self._stream(day).rows_of_day(day, after=self._after, until=self._until)

    def _stream(self, day: int) -> SampleStream:
        began = day - day % PERIOD
        events = tuple(
            Event(kind=change.kind, day=began + change.day, days=change.days, share=change.share) for change in CHANGES
        )
        return SampleStream(start=self._start, per_day=self._per_day, events=events, peak=None)


def connect(settings: Settings, newest_id: Callable[[], int | None]) -> LivingSample | None:
    """The stream of this installation; None when it never began, was ended, or nothing is due."""
    plan = _read(settings.home)
    per_day = settings.sample_per_day
    newest = newest_id() if per_day and plan.get("living") else None
    if newest is None:
        return None
    now, stored = clock.now(), SampleStream.written_at(newest)
    start = datetime.fromisoformat(str(plan["start"]))
    source = LivingSample(start=start, after=max(stored, now - CATCH_UP), until=max(now, stored), per_day=per_day)
    return source if next(source.rows(), None) else None


def begin(home: Path, start: datetime) -> datetime | None:
    """Let the stream of this state folder live, as one that began at `start` or earlier; returns when it began.

    None when its tweets were removed: it does not begin again.
    """
    plan = _read(home)
    if plan.get("removed"):
        return None
    began = str(plan.get("start") or start.isoformat())
    write_atomically(home / PLAN, json.dumps({"start": began, "living": True}))
    return datetime.fromisoformat(began)


def end(home: Path, *, for_good: bool = False) -> bool:
    """End the stream, until `begin` or for good; False when none lives."""
    plan = _read(home)
    lives = bool(plan.get("living"))
    if lives or (for_good and plan):
        write_atomically(home / PLAN, json.dumps({**plan, "living": False, "removed": for_good}))
    return lives


def lives(home: Path) -> bool:
    """Whether the stream of this state folder has begun, and goes on."""
    return bool(_read(home).get("living"))


def _read(home: Path) -> dict[str, object]:
    path = home / PLAN
    plan: dict[str, object] = json.loads(path.read_text()) if path.exists() else {}
    return plan
