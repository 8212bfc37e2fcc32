"""Drops what was forgotten from the API's memory, its answers for retries and its cache of packages."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from sqlalchemy.exc import OperationalError

from sentiment_lib.errors import TombstoneKeyMissing
from sentiment_lib.hashing import is_digest
from sentiment_lib.storage import erasure_requests, tombstones, version_erasures
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)


class ForgottenTweets:
    """Looks for new requests to forget in a thread of its own.

    held: ids of the tweets that this process holds. drop: called with those that were forgotten. cache: folder of
    packages by digest.
    """

    def __init__(
        self,
        store: Store,
        *,
        held: Callable[[], Collection[int]],
        drop: Callable[[Collection[int]], None],
        cache: Path,
        seconds: float,
    ) -> None:
        self._store, self._held, self._drop, self._cache, self._seconds = store, held, drop, cache, seconds
        self._newest: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="forgotten", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def look(self) -> None:
        """Drop what was forgotten since the last look. Raises OperationalError without a database."""
        with self._store.begin() as connection:
            newest = erasure_requests.newest_id(connection)
            if newest != self._newest:
                if forgotten := tombstones.find(connection, self._held()).tweets:
                    self._drop(forgotten)
                self._newest = newest
            erased = version_erasures.erased_digests(connection) if newest else ()
        # whoever may insert versions chooses their digests
        for digest in filter(is_digest, erased):
            shutil.rmtree(self._cache / digest, ignore_errors=True)

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except (OperationalError, TombstoneKeyMissing) as error:
                log.warning("forgotten tweets cannot be looked up: %s", str(error).splitlines()[0])
            self._stop.wait(self._seconds)
