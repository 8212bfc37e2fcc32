"""A bounded write-ahead spool between the API and Postgres: every accepted batch is stored exactly once.

`append` returns once its batch is on disk. A drain thread hands whole batches to the sink in order and deletes a
segment only after the sink has committed. The sink must be idempotent: after a crash between commit and deletion it
sees the same batches again.
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
#: Bytes that a new segment preallocates. One that holds MAX_ROOM or more is full: a segment is stored in one
#: transaction, and Postgres takes no JSON above 256 MB.
MIN_ROOM, MAX_ROOM = 64 << 10, 8 << 20
#: fdatasync leaves out the file's times, where the system has it.
sync_data = getattr(os, "fdatasync", os.fsync)


class SpoolFull(SentimentError):
    """The spool holds {held} bytes, and the limit is {limit}: the database has been unavailable for too long"""


class SpoolFailed(SentimentError):
    """The spool cannot be written, so nothing of this request was accepted: {problem}"""


class Spool:
    """A folder of segments; each line of a segment is a batch, a JSON list. Thread-safe within one process.

    The drain thread sleeps `rest` seconds between drains, so that under load one transaction stores many batches.
    Segments are preallocated with zeros: overwriting them changes data only, no metadata, so a sync takes half the
    time and does not wait for the file system's journal, which the database keeps busy.
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
        self._held = {path: len(_complete_lines(path)) for path in _segments(folder)}
        self._numbers = itertools.count(1 + max((int(path.stem) for path in self._held), default=0))
        self._stop = threading.Event()
        #: guards the active segment
        self._lock = threading.Lock()
        self._active: Segment | None = None
        self.last_error: str | None = None
        self._drainer = threading.Thread(target=self._drain_forever, name="spool", daemon=True)

    def start(self) -> None:
        """Start draining, with what an earlier process left first."""
        self._drainer.start()

    def stop(self) -> None:
        """Finish the drain in progress; remaining batches are drained after the next start."""
        self._stop.set()
        if self._drainer.is_alive():
            self._drainer.join(timeout=10)
        with self._lock:
            if self._active is not None and not self._active.length:
                self._active.discard()
                self._active = None
            self._close()

    def held_bytes(self) -> int:
        """Bytes that wait for the database."""
        return sum(list(self._held.values()))

    def append(self, lines: Sequence[Line]) -> None:
        """Write the lines as one batch; returns when it is on disk.

        Raises SpoolFull when it would exceed the limit, SpoolFailed for an error of the disk: then none is kept.
        """
        data = encode_batch(lines) + b"\n"
        with self._lock:
            if (held := self.held_bytes()) + len(data) > self._limit:
                raise SpoolFull(held=held, limit=self._limit)
            try:
                if self._active is not None and self._active.length >= MAX_ROOM:
                    self._close()  # without a database no drain rotates it
                if self._active is None:
                    self._active = self._new_segment(MIN_ROOM)
                self._active.append(data)
            except OSError as error:
                self._close()  # never append to half a batch
                raise SpoolFailed(problem=str(error)) from error
            self._held[self._active.path] = self._active.length

    def drain(self) -> int:
        """Hand every segment to the sink; returns the number of batches stored. Raises what the sink raises."""
        self._rotate()
        with self._lock:  # so that no append creates a segment meanwhile
            closed = [path for path in _segments(self.folder) if self._active is None or path < self._active.path]
        stored = 0
        for path in closed:
            # a line without its end, or with zeros in it, was never acknowledged
            batches = [batch for batch in _complete_lines(path).splitlines() if b"\0" not in batch]
            if batches:
                self._sink(batches)
            path.unlink()
            self._held.pop(path, None)
            stored += len(batches)
        return stored

    def _rotate(self) -> None:
        """Make a new segment active, with room for twice as much as the present one holds."""
        present = self._active
        if present is None or not present.length:
            return
        following: Segment | None = None
        with suppress(OSError):  # a full disk must not prevent the drain that frees it; the next append reports it
            following = self._new_segment(min(max(MIN_ROOM, 2 * present.length), MAX_ROOM))
        with self._lock:
            if self._active is present:
                self._close()
                self._active = following
            elif following is not None:
                following.discard()  # an append has created a later segment meanwhile, and order matters

    def _new_segment(self, room: int) -> Segment:
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
            except Exception as error:  # keep the batches and try again, whatever the sink raised
                self.last_error = f"{type(error).__name__}: {error}".splitlines()[0]
                log.warning("spool waits for the database: %s", self.last_error)
                self._stop.wait(1.0)
                continue
            self._stop.wait(self._rest)


class Segment:
    """A file of batches, with zeros after the last. Raises OSError when it cannot be created."""

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
        """Write and sync; after an OSError, which it raises, the segment ends where it did before."""
        try:
            _write(self._descriptor, data, self.length)
            sync_data(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.length)
            raise
        self.length += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """Close and delete an empty segment."""
        self.close()
        self.path.unlink(missing_ok=True)


def encode_batch(lines: Sequence[Line]) -> bytes:
    """A batch in the form that the sink gets."""
    return orjson.dumps(lines)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:] if done else data, offset + done)


def _complete_lines(path: Path) -> bytes:
    """A segment up to its last line end."""
    data = path.read_bytes()
    return data[: data.rfind(b"\n") + 1]


def _segments(folder: Path) -> list[Path]:
    """Segments in the order in which they were written."""
    return sorted(folder.glob("*.jsonl"))
