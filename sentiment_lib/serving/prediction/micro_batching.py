"""Micro-batching: items that wait at the same time are processed together, by one thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
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
        self._waiting: deque[Item] = deque()
        #: one True for each item, put after it; False: stop
        self._signals: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Process what waits, then end the thread."""
        self._signals.put(False)
        self._thread.join(timeout=30)

    def submit(self, item: Item) -> None:
        """Add an item to the end of the queue."""
        self._waiting.append(item)
        self._signals.put(True)

    def _run(self) -> None:
        stopping = False
        while True:
            if not stopping and not self._signals.get():
                stopping = True
            if stopping and not self._waiting:
                return
            batch = [self._waiting.popleft()]
            while self._waiting and len(batch) < self._max_batch:
                if not stopping and not self._signals.get():  # each item has one, or will have in a moment
                    stopping = True
                batch.append(self._waiting.popleft())
            self._process_batch(batch)

    def _process_batch(self, batch: Sequence[Item]) -> None:
        try:
            self._process(batch)
        except Exception:
            log.exception("%s: a batch of %d failed", self._thread.name, len(batch))
