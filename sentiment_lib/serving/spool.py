"""A bounded local spool between the API and Postgres: what was accepted is stored once, whatever dies.

`append` returns only when the lines are on disk (one fsync serves all requests that wait, as in a database's group
commit). A drain thread hands whole lines to the sink in order and removes a segment only after the sink committed.
The sink must be idempotent: after a crash between commit and removal it sees the same lines again.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sentiment_lib.errors import SentimentError

log = logging.getLogger(__name__)

Line = dict[str, Any]


class SpoolFull(SentimentError):
    """The spool holds {held} bytes, and the limit is {limit}: the database has been away for too long"""


class SpoolFailed(SentimentError):
    """The spool cannot be written, so nothing of this request was accepted: {problem}"""


class Spool:
    """Segments of JSON lines in one folder; safe for many threads of one process."""

    def __init__(
        self, folder: Path, sink: Callable[[Sequence[Line]], None], *, limit_bytes: int = 256 << 20, rest: float = 0.2
    ) -> None:
        self.folder = folder
        self._sink = sink
        self._limit = limit_bytes
        self._rest = rest
        folder.mkdir(parents=True, exist_ok=True)
        self._number = max((int(path.stem) for path in folder.glob("*.jsonl")), default=0)
        self._condition = threading.Condition()
        self._pending: list[bytes] = []
        self._appended = 0
        self._durable = 0
        self._flushing = False
        #: tickets of a batch that could not be written: each caller is refused, so that its retry is no double
        self._refused: set[int] = set()
        self._stop = threading.Event()
        self._active: Path | None = None  # the segment that appends go to
        self._rotate = threading.Lock()
        self.last_error: str | None = None
        self._drainer = threading.Thread(target=self._drain_forever, name="spool", daemon=True)

    def start(self) -> None:
        """Begin draining, leftovers of an earlier process first."""
        self._drainer.start()

    def stop(self) -> None:
        """Stop after the drain under way; lines that remain are drained at the next start."""
        self._stop.set()
        self._drainer.join(timeout=10)

    def held_bytes(self) -> int:
        """Bytes that wait for the database."""
        held = 0
        for path in self.folder.glob("*.jsonl"):
            try:
                held += path.stat().st_size
            except FileNotFoundError:  # drained between listing and asking
                continue
        return held

    def append(self, lines: Sequence[Line]) -> None:
        """Return when the lines are on disk. SpoolFull when they would not fit, SpoolFailed when the disk refuses."""
        data = b"".join(json.dumps(line, ensure_ascii=True).encode() + b"\n" for line in lines)
        if (held := self.held_bytes()) + len(data) > self._limit:
            raise SpoolFull(held=held, limit=self._limit)
        with self._condition:
            self._pending.append(data)
            self._appended += 1
            ticket = self._appended
        while True:
            with self._condition:
                while self._flushing and self._durable < ticket:
                    self._condition.wait()
                if ticket in self._refused:
                    self._refused.discard(ticket)
                    raise SpoolFailed(problem="an earlier write of the same batch failed")
                if self._durable >= ticket:
                    return
                # this thread writes for everyone who waits
                self._flushing = True
                batch, self._pending = self._pending, []
                reached = self._appended
            try:
                self._write(b"".join(batch))
            except OSError as error:
                with self._condition:
                    self._flushing = False
                    self._refused.update(range(self._durable + 1, reached + 1))
                    self._durable = reached
                    self._refused.discard(ticket)
                    self._condition.notify_all()
                raise SpoolFailed(problem=str(error)) from error
            with self._condition:
                self._durable = reached
                self._flushing = False
                self._condition.notify_all()

    def _write(self, data: bytes) -> None:
        with self._rotate:
            if self._active is None:
                self._number += 1
                self._active = self.folder / f"{self._number:012d}.jsonl"
            fresh = not self._active.exists()
            try:
                with self._active.open("ab") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if fresh:
                    self._keep_name()
            except OSError:
                # what was written may end in half a line: nothing more may be glued to it
                self._active = None
                raise

    def _keep_name(self) -> None:
        """A new file outlives a power cut only when its folder is on disk too."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _segment(self) -> Path | None:
        return self._active

    def _drain_forever(self) -> None:
        while not self._stop.is_set():
            try:
                drained = self.drain()
                self.last_error = None
            except Exception as error:  # the database is away: say so, keep the lines, try again
                self.last_error = f"{type(error).__name__}: {error}".splitlines()[0]
                log.warning("spool waits for the database: %s", self.last_error)
                self._stop.wait(1.0)
                continue
            if not drained:
                self._stop.wait(self._rest)

    def drain(self) -> int:
        """Hand every closed segment to the sink; returns the number of lines stored."""
        with self._rotate:
            self._active = None  # the next append opens a new segment
        stored = 0
        for path in sorted(self.folder.glob("*.jsonl")):
            with self._rotate:
                if path == self._segment():
                    continue
            lines = _whole_lines(path)
            if lines:
                self._sink(lines)
            path.unlink()
            stored += len(lines)
        return stored


def _whole_lines(path: Path) -> list[Line]:
    """Lines of a segment; an unfinished last line was never acknowledged, so it is left out."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]
