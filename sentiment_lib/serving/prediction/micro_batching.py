"""Things that wait at the same time are worked on together, in a thread of their own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")


class Together(Generic[Item]):
    """Collects items from any thread and hands all that wait to `work` at once, in the order they came.

    `work` tells whoever waits for an item; what it raises is logged, and the next items are worked on.
    """

    def __init__(self, name: str, work: Callable[[Sequence[Item]], None], *, most: int = 64) -> None:
        self._work = work
        self._most = most
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, then end."""
        self._queue.put(None)
        self._thread.join(timeout=30)

    def submit(self, item: Item) -> None:
        """Put one more item behind those that wait."""
        self._queue.put(item)

    def _run(self) -> None:
        last = False
        while not last and (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < self._most and not last:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                else:
                    batch.append(more)
            try:
                self._work(batch)
            except Exception:
                log.exception("%s: a batch of %d failed", self._thread.name, len(batch))
