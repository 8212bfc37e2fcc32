"""The rows of a source in checked pieces, made while the database works on those before."""

from __future__ import annotations

import gc
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from sentiment_lib.errors import BadSource
from sentiment_lib.sources.base import Row, Source
from sentiment_lib.steps.ingestion.batch_validation import Batch, check_together
from sentiment_lib.steps.ingestion.row_validation import Checker

#: Rows that are checked together: more would leave the processor's cache.
PIECE_ROWS = 500
#: Pieces that are checked ahead at the most.
AHEAD = 20
#: Millions of rows live shortly and hold no circles: at the usual thresholds, looking for some takes a fifth of the
#: time.
GC_THRESHOLDS = (100_000, 50, 100)
_USUAL_GC_THRESHOLDS = gc.get_threshold()
#: Seconds after which the thread that checks ahead lets the one that talks to the database go on: with Python's 5 ms
#: each answer of the database would wait that long.
SWITCH = 0.000_2
_USUAL_SWITCH = sys.getswitchinterval()


class Pieces:
    """Checks rows when they are asked for, and ahead while the caller waits for the database.

    `with` sets the interpreter up for it, and back. Of a stream that breaks, what came before comes first; `broken` is
    then the error.
    """

    def __init__(self, source: Source, checker: Checker, *, skip: int, most: int) -> None:
        self.broken: BadSource | None = None
        self._rows = islice(source.rows(), skip, None)
        self._checker = checker
        self._size = min(PIECE_ROWS, most)
        self._ready: deque[Batch] = deque()
        self._helper = ThreadPoolExecutor(1)
        self._ahead: Future[None] | None = None
        self._wanted = False

    def __enter__(self) -> Pieces:
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH)
        return self

    def __exit__(self, *_: Any) -> None:
        self._wanted = True
        self._helper.shutdown()
        sys.setswitchinterval(_USUAL_SWITCH)
        gc.set_threshold(*_USUAL_GC_THRESHOLDS)

    def more(self) -> bool:
        """Whether there is another piece."""
        if self._ahead is not None:
            self._wanted = True
            if self._ahead.exception() is None:
                self._ahead = None
            elif not self._ready:  # what was checked before an error comes first
                self._ahead.result()
        return bool(self._ready) or self._check_one()

    def take(self) -> Batch:
        """The next piece; only after `more`."""
        return self._ready.popleft()

    def look_ahead(self) -> None:
        """Check pieces in another thread until `more` is called: for a caller who is about to wait."""
        if self._ahead is not None:  # it ended with an error, which `more` will raise
            return
        self._wanted = False
        self._ahead = self._helper.submit(self._check_ahead)

    def _check_ahead(self) -> None:
        while not self._wanted and len(self._ready) < AHEAD and self._check_one():
            pass

    def _check_one(self) -> bool:
        together: list[Row] = []
        try:
            together.extend(islice(self._rows, self._size))  # keeps what came before an error
        except BadSource as error:
            self.broken = error
        if together:
            self._ready.append(check_together(self._checker, together))
        return bool(together)
