"""Requests that wait at the same time go through the model together, and onto the disk together.

Two threads in a row: one reads texts with the model, one makes the predictions durable while the model is at the next.
A request is answered only after both.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Together(Generic[Asked, Answered]):
    """Collects items from any thread and hands all that wait to `work` at once, in the order they came."""

    def __init__(
        self, name: str, work: Callable[[Sequence[Asked]], Sequence[Answered | Exception]], *, most: int = 64
    ) -> None:
        self._work = work
        self._most = most
        self._waiting: queue.SimpleQueue[tuple[Asked, Future[Answered]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, then end."""
        self._waiting.put(None)
        self._thread.join(timeout=30)

    def submit(self, item: Asked) -> Future[Answered]:
        """A future of the answer to one item."""
        future: Future[Answered] = Future()
        self._waiting.put((item, future))
        return future

    async def ask(self, item: Asked) -> Answered:
        """The answer to one item, from a coroutine."""
        return await asyncio.wrap_future(self.submit(item))

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = [first], False
            while len(batch) < self._most:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._do(batch)
            if last:
                return

    def _do(self, batch: list[tuple[Asked, Future[Answered]]]) -> None:
        # a request that was given up is not worked for; from here on it cannot be
        batch = [(item, future) for item, future in batch if future.set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            answers: Sequence[Answered | Exception] = self._work([item for item, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
