"""The sample stream in real time: what it has "written" since its newest stored tweet, until it is ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sentiment_lib.files import write_atomically
from sentiment_lib.settings import Settings
from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.sources.sample_stream import NAME, Event, SampleStream

#: In SENTIMENT_HOME: when the stream of this installation began, and whether it goes on.
PLAN = Path("run") / "first-run.json"
#: Tweets a day: two in each poll of `ingest_tweets`.
PER_DAY = 576
#: A stack that was down for longer has a gap.
CATCH_UP = timedelta(days=1)
#: Each ten days bring words that come and go, and a storm of a day.
PERIOD = 10
CHANGES = (Event(kind="slang", day=1, days=3, share=0.05), Event(kind="storm", day=8, days=1, share=0.4))


class LivingSample:
    """Rows written after `after` and until `until`, of the stream that began at `start`.

    A stream of the same start has the same rows, whenever they are read.
    """

    def __init__(self, *, start: datetime, after: datetime, until: datetime) -> None:
        self._start, self._after, self._until = start, after, until
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
        return SampleStream(start=self._start, per_day=PER_DAY, events=events, peak=None)


def connect(settings: Settings, newest_id: Callable[[], int | None]) -> LivingSample | None:
    """The stream of this installation; None when it never began, was ended, or nothing is due."""
    plan = _read(settings.home)
    newest = newest_id() if plan.get("living") else None
    if newest is None:
        return None
    now, stored = datetime.now(UTC), SampleStream.written_at(newest)
    start = datetime.fromisoformat(str(plan["start"]))
    source = LivingSample(start=start, after=max(stored, now - CATCH_UP), until=max(now, stored))
    return source if next(source.rows(), None) else None


def begin(home: Path, start: datetime) -> datetime:
    """Let the stream of this state folder live, as one that began at `start` or earlier; returns when it began."""
    plan = _read(home)
    began = str(plan.get("start") or start.isoformat())
    write_atomically(home / PLAN, json.dumps({"start": began, "living": True}))
    return datetime.fromisoformat(began)


def end(home: Path) -> bool:
    """End the stream; False when none lives."""
    plan = _read(home)
    if not plan.get("living"):
        return False
    write_atomically(home / PLAN, json.dumps({**plan, "living": False}))
    return True


def _read(home: Path) -> dict[str, object]:
    path = home / PLAN
    plan: dict[str, object] = json.loads(path.read_text()) if path.exists() else {}
    return plan
