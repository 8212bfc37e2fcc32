"""Validate the rows of a source in chunks, in a background thread while the database is busy with COPY."""

from __future__ import annotations

import gc
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from sentiment_lib.errors import BadSource
from sentiment_lib.sources.base import Row, Source
from sentiment_lib.steps.ingestion.batch_validation import Batch, validate_rows
from sentiment_lib.steps.ingestion.row_validation import RowValidator

#: Rows validated together; larger chunks no longer fit the processor's cache.
CHUNK_ROWS = 500
#: Chunks validated ahead at most: bounds the memory.
MAX_AHEAD = 20
#: Ingestion makes millions of short-lived objects without reference cycles; at Python's default thresholds the cycle
#: collector takes a fifth of the time.
GC_THRESHOLDS = (100_000, 50, 100)
_DEFAULT_GC_THRESHOLDS = gc.get_threshold()
#: Seconds after which the validating thread releases the GIL. With Python's 5 ms, each reply of the database would
#: wait that long for its thread.
SWITCH_INTERVAL = 0.000_2
_DEFAULT_SWITCH_INTERVAL = sys.getswitchinterval()


class Prefetcher:
    """Iterator over validated chunks, which can validate further ones in a background thread.

    A context manager: inside, the garbage collector and the GIL are tuned for the two threads. When the source fails,
    the chunks before the failure still come, and `error` holds the failure.
    """

    def __init__(self, source: Source, validator: RowValidator, *, skip: int, max_rows: int) -> None:
        self.error: BadSource | None = None
        self._rows = islice(source.rows(), skip, None)
        self._validator = validator
        self._size = min(CHUNK_ROWS, max_rows)
        self._ready: deque[Batch] = deque()
        self._executor = ThreadPoolExecutor(1)
        self._background: Future[None] | None = None
        self._stop = False

    def __enter__(self) -> Prefetcher:
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH_INTERVAL)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop = True
        self._executor.shutdown()
        sys.setswitchinterval(_DEFAULT_SWITCH_INTERVAL)
        gc.set_threshold(*_DEFAULT_GC_THRESHOLDS)

    def has_next(self) -> bool:
        """Whether there is another chunk. Stops the background thread, and raises the exception that it ended with."""
        if self._background is not None:
            self._stop = True
            if self._background.exception() is None:
                self._background = None
            elif not self._ready:  # chunks from before the exception come first
                self._background.result()
        return bool(self._ready) or self._validate_next()

    def next(self) -> Batch:
        """The next chunk; call only after `has_next` returned True."""
        return self._ready.popleft()

    def prefetch(self) -> None:
        """Validate further chunks in the background until `has_next` is called."""
        if self._background is not None:  # it failed; `has_next` raises its exception
            return
        self._stop = False
        self._background = self._executor.submit(self._validate_ahead)

    def _validate_ahead(self) -> None:
        while not self._stop and len(self._ready) < MAX_AHEAD and self._validate_next():
            pass

    def _validate_next(self) -> bool:
        rows: list[Row] = []
        try:
            rows.extend(islice(self._rows, self._size))  # keeps the rows before a failure
        except BadSource as error:
            self.error = error
        if rows:
            self._ready.append(validate_rows(self._validator, rows))
        return bool(rows)
