"""A bounded local spool between the API and Postgres: what was accepted is stored once, whatever dies.

`append` returns only when its batch is on disk. A drain thread hands whole batches to the sink in order and removes a
segment only after the sink committed. The sink must be idempotent: after a crash between commit and removal it sees the
same batches again.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from sentiment_lib.errors import SentimentError
from sentiment_lib.files import sync_folder

log = logging.getLogger(__name__)

Line = dict[str, Any]
#: Bytes that a new segment has room for, at least and at most; what comes after is appended. One that holds as much as
#: the second is full: a segment is one transaction, and Postgres takes no JSON above 256 MB.
ROOM, MOST_ROOM = 64 << 10, 8 << 20
#: Without the times of the file, where the system can leave them.
sync_data = getattr(os, "fdatasync", os.fsync)


class SpoolFull(SentimentError):
    """The spool holds {held} bytes, and the limit is {limit}: the database has been away for too long"""


class SpoolFailed(SentimentError):
    """The spool cannot be written, so nothing of this request was accepted: {problem}"""


class Spool:
    """Segments of batches, each a JSON list in one line, in one folder; safe for many threads of one process.

    The sink is given batches as they were written. Between two drains the thread rests, so that under load one
    transaction stores many. A segment is filled with zeros before its turn comes: to write over them changes nothing
    but data, which is on disk in half the time, and does not wait for what the database has under way.
    """

    def __init__(
        self, folder: Path, sink: Callable[[Sequence[bytes]], None], *, limit_bytes: int = 256 << 20, rest: float = 0.2
    ) -> None:
        self.folder = folder
        self._sink = sink
        self._limit = limit_bytes
        self._rest = rest
        folder.mkdir(parents=True, exist_ok=True)
        #: bytes of each segment that wait for the database
        self._held = {path: len(_whole(path)) for path in _segments(folder)}
        self._numbers = itertools.count(1 + max((int(path.stem) for path in self._held), default=0))
        self._stop = threading.Event()
        #: guards which segment is written to, and what it holds
        self._turn = threading.Lock()
        self._active: Segment | None = None
        self.last_error: str | None = None
        self._drainer = threading.Thread(target=self._drain_forever, name="spool", daemon=True)

    def start(self) -> None:
        """Begin draining, leftovers of an earlier process first."""
        self._drainer.start()

    def stop(self) -> None:
        """Stop after the drain under way; batches that remain are drained at the next start."""
        self._stop.set()
        if self._drainer.is_alive():
            self._drainer.join(timeout=10)
        with self._turn:
            if self._active is not None and not self._active.length:
                self._active.discard()
                self._active = None
            self._close()

    def held_bytes(self) -> int:
        """Bytes that wait for the database."""
        return sum(list(self._held.values()))

    def append(self, lines: Sequence[Line]) -> None:
        """Return when the lines are on disk, as one batch.

        SpoolFull when they would not fit, SpoolFailed when the disk refuses.
        """
        data = written(lines) + b"\n"
        with self._turn:
            if (held := self.held_bytes()) + len(data) > self._limit:
                raise SpoolFull(held=held, limit=self._limit)
            try:
                if self._active is not None and self._active.length >= MOST_ROOM:
                    self._close()  # with the database away, nobody else begins another
                if self._active is None:
                    self._active = self._fresh(ROOM)
                self._active.append(data)
            except OSError as error:
                self._close()  # nothing is glued to half a batch
                raise SpoolFailed(problem=str(error)) from error
            self._held[self._active.path] = self._active.length

    def drain(self) -> int:
        """Hand every segment to the sink; returns the number of batches stored."""
        self._rotate()
        with self._turn:  # no append is opening a segment now
            closed = [path for path in _segments(self.folder) if self._active is None or path < self._active.path]
        stored = 0
        for path in closed:
            # what ends in no line end, or has a hole, was never acknowledged
            batches = [batch for batch in _whole(path).splitlines() if b"\0" not in batch]
            if batches:
                self._sink(batches)
            path.unlink()
            self._held.pop(path, None)
            stored += len(batches)
        return stored

    def _rotate(self) -> None:
        """Have the next appends go to a new segment, with room for twice as much as this one took."""
        full = self._active
        if full is None or not full.length:
            return
        fresh: Segment | None = None
        with suppress(OSError):  # a full disk must not keep us from emptying it; the next append says what is wrong
            fresh = self._fresh(min(max(ROOM, 2 * full.length), MOST_ROOM))
        with self._turn:
            if self._active is full:
                self._close()
                self._active = fresh
            elif fresh is not None:
                fresh.discard()  # an append has gone on to another meanwhile, and segments are stored in their order

    def _fresh(self, room: int) -> Segment:
        return Segment(self.folder / f"{next(self._numbers):012d}.jsonl", room)

    def _close(self) -> None:
        if self._active is not None:
            self._active.close()
        self._active = None

    def _drain_forever(self) -> None:
        while not self._stop.is_set():
            try:
                self.drain()
                self.last_error = None
            except Exception as error:  # the database is away: say so, keep the batches, try again
                self.last_error = f"{type(error).__name__}: {error}".splitlines()[0]
                log.warning("spool waits for the database: %s", self.last_error)
                self._stop.wait(1.0)
                continue
            self._stop.wait(self._rest)


class Segment:
    """A file of batches, zeros after the last."""

    def __init__(self, path: Path, room: int) -> None:
        self.path = path
        self.length = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write(self._descriptor, bytes(room), 0)
            os.fsync(self._descriptor)
            sync_folder(path.parent)
        except OSError:
            self.discard()
            raise

    def append(self, data: bytes) -> None:
        """Return when the data are on disk. After an OSError the segment ends where it did before."""
        try:
            _write(self._descriptor, data, self.length)
            sync_data(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.length)
            raise
        self.length += len(data)

    def close(self) -> None:
        """Nothing more is written to it."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """Close and remove it: nothing is in it."""
        self.close()
        self.path.unlink(missing_ok=True)


def written(lines: Sequence[Line]) -> bytes:
    """A batch as the sink gets it."""
    return orjson.dumps(lines)


def _write(descriptor: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:] if done else data, at + done)


def _whole(path: Path) -> bytes:
    """What a segment holds up to its last line end."""
    data = path.read_bytes()
    return data[: data.rfind(b"\n") + 1]


def _segments(folder: Path) -> list[Path]:
    """In the order in which they were written."""
    return sorted(folder.glob("*.jsonl"))
