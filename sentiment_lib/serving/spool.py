"""A bounded local spool between the API and Postgres: what was accepted is stored once, whatever dies.

`append` returns only when its batch is on disk. A drain thread hands whole batches to the sink in order and removes a
segment only after the sink committed. The sink must be idempotent: after a crash between commit and removal it sees the
same batches again.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
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
    """Segments of batches, each a JSON list in one line, in one folder; safe for many threads of one process.

    The sink is given batches as they were written. Between two drains the thread rests, so that under load one
    transaction stores many.
    """

    def __init__(
        self, folder: Path, sink: Callable[[Sequence[bytes]], None], *, limit_bytes: int = 256 << 20, rest: float = 0.2
    ) -> None:
        self.folder = folder
        self._sink = sink
        self._limit = limit_bytes
        self._rest = rest
        folder.mkdir(parents=True, exist_ok=True)
        self._number = max((int(path.stem) for path in folder.glob("*.jsonl")), default=0)
        self._stop = threading.Event()
        #: guards what follows
        self._turn = threading.Lock()
        self._active: Path | None = None  # the segment that appends go to
        self._descriptor = self._length = 0
        self._held = self._on_disk()
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
        return self._held

    def append(self, lines: Sequence[Line]) -> None:
        """Return when the lines are on disk, as one batch.

        SpoolFull when they would not fit, SpoolFailed when the disk refuses.
        """
        data = written(lines) + b"\n"
        with self._turn:
            if self._held + len(data) > self._limit:
                raise SpoolFull(held=self._held, limit=self._limit)
            try:
                self._write(data)
            except OSError as error:
                # what was refused is not stored, and nothing is glued to half a line
                if self._active is not None:
                    with suppress(OSError):
                        os.ftruncate(self._descriptor, self._length)
                self._close()
                self._held = self._on_disk()
                raise SpoolFailed(problem=str(error)) from error
            self._held += len(data)
            self._length += len(data)

    def _write(self, data: bytes) -> None:
        fresh = self._active is None
        if self._active is None:
            self._number += 1
            path = self.folder / f"{self._number:012d}.jsonl"
            self._descriptor, self._length = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), 0
            self._active = path
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)
        if fresh:
            self._keep_name()

    def _keep_name(self) -> None:
        """A new file outlives a power cut only when its folder is on disk too."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _close(self) -> None:
        """The next append opens a new segment."""
        if self._active is not None:
            self._active = None
            os.close(self._descriptor)

    def _on_disk(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*.jsonl"))

    def _drain_forever(self) -> None:
        while not self._stop.is_set():
            try:
                self.drain()
                self.last_error = None
            except Exception as error:  # the database is away: say so, keep the lines, try again
                self.last_error = f"{type(error).__name__}: {error}".splitlines()[0]
                log.warning("spool waits for the database: %s", self.last_error)
                self._stop.wait(1.0)
                continue
            self._stop.wait(self._rest)

    def drain(self) -> int:
        """Hand every segment to the sink; returns the number of batches stored."""
        with self._turn:
            self._close()
            last = self._number
        stored = 0
        for path in sorted(self.folder.glob("*.jsonl")):
            if int(path.stem) > last:
                break
            data = path.read_bytes()
            # an unfinished last batch was never acknowledged, so it is left out
            batches = data[: data.rfind(b"\n") + 1].splitlines()
            if batches:
                self._sink(batches)
            with self._turn:
                path.unlink()
                self._held -= len(data)
            stored += len(batches)
        return stored


def written(lines: Sequence[Line]) -> bytes:
    """A batch as the sink gets it."""
    return json.dumps(lines, ensure_ascii=True).encode()
