"""Micro-batching: items that wait at the same time are processed together, by one thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")


class MicroBatcher(Generic[Item]):
    """Collects items from any thread and hands up to `max_batch` waiting ones to `process`, in order of arrival.

    `process` reports results to whoever waits for them. What it raises is logged, and the next batch is processed.
    """

    def __init__(self, name: str, process: Callable[[Sequence[Item]], None], *, max_batch: int = 64) -> None:
        self._process = process
        self._max_batch = max_batch
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Process what waits, then end the thread."""
        self._queue.put(None)
        self._thread.join(timeout=30)

    def submit(self, item: Item) -> None:
        """Add an item to the end of the queue."""
        self._queue.put(item)

    def _run(self) -> None:
        stopping = False
        while not stopping and (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < self._max_batch and not stopping:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    stopping = True
                else:
                    batch.append(item)
            try:
                self._process(batch)
            except Exception:
                log.exception("%s: a batch of %d failed", self._thread.name, len(batch))
