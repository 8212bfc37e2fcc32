"""The champion that this process serves: one reference, swapped whole when the database names another version."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sentiment_lib.errors import NotFound
from sentiment_lib.families.base import Model
from sentiment_lib.files import write_atomically
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.scoring.score import checked
from sentiment_lib.storage import model_versions
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)

#: What a fresh model reads before it answers anyone: first calls are slow, and a model that fails here is not taken.
WARM_UP = ("@united thank you, great crew!", "3 hours late and no word from anyone #fail", "Boarding at gate 12")


@dataclass(frozen=True, kw_only=True)
class Served:
    """A loaded version."""

    version: int
    family: str
    digest: str
    model: Model
    loaded_at: datetime


class Champion:
    """Loads the champion, and looks every few seconds whether it still is the one."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._registry = Registry(settings)
        self._rest = settings.serving.swap_seconds
        self._record = settings.home / "cache" / "champion.json"
        self._served: Served | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="champion", daemon=True)
        #: why the last look failed, None when it did not
        self.problem: str | None = None
        self.looked_at = 0.0

    def start(self) -> None:
        """Load what can be loaded now, then keep watching."""
        self.look()
        if self._served is None:
            self._load_recorded()
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()
        self._thread.join(timeout=10)

    def served(self) -> Served:
        """The version to answer with; whoever holds it finishes with it. NotFound before the first champion."""
        if self._served is None:
            raise NotFound(what="champion", key="yet: it comes with the first scoring run")
        return self._served

    def seconds_since_look(self) -> float:
        """Age of the last look that succeeded; infinite before it."""
        return time.monotonic() - self.looked_at if self.looked_at else float("inf")

    def look(self) -> None:
        """One look: swap when the database names another version. A failure keeps what is served, and is told."""
        try:
            with self._store.begin() as connection:
                wanted = model_versions.champion(connection)
            if wanted is not None and (self._served is None or self._served.version != wanted.version):
                self._swap(wanted.version, wanted.family, wanted.digest)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
            if problem != self.problem:
                log.warning("champion: %s", problem)
            self.problem = problem
            return
        self.problem = None
        self.looked_at = time.monotonic()

    def _swap(self, version: int, family: str, digest: str) -> None:
        model = self._registry.load(version, digest)
        checked(model, WARM_UP)
        self._served = Served(version=version, family=family, digest=digest, model=model, loaded_at=datetime.now(UTC))
        self._write_record({"version": version, "family": family, "digest": digest})
        log.info("champion: version %d (%s) serves", version, family)

    def _watch(self) -> None:
        while not self._stop.wait(self._rest):
            self.look()

    def _write_record(self, record: dict[str, Any]) -> None:
        """For a start without the database; the package itself lies in the cache, and is checked again."""
        write_atomically(self._record, record)

    def _load_recorded(self) -> None:
        try:
            record = json.loads(self._record.read_text())
            self._swap(record["version"], record["family"], record["digest"])
        except FileNotFoundError:
            return
        except Exception as error:
            log.warning("champion: the one of the last run cannot be loaded: %s", error)
