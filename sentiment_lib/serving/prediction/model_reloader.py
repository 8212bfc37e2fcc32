"""The champion that this process serves: replaced as a whole when the database names another version."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentiment_lib import clock
from sentiment_lib.errors import NotFound
from sentiment_lib.families.base import Model, check_probabilities
from sentiment_lib.files import write_atomically
from sentiment_lib.records import ModelVersion
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.storage import model_versions, training_rows
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)

#: Texts that a new model predicts before it serves: first calls are slow, and a model that fails here is not used.
WARM_UP = ("@united thank you, great crew!", "3 hours late and no word from anyone #fail", "Boarding at gate 12")


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A version in memory."""

    version: int
    family: str
    digest: str
    model: Model
    loaded_at: datetime
    #: it was trained on tweets of the sample generator
    learned_synthetic: bool = False


class ModelReloader:
    """Loads the champion, and polls the database for another one every `poll_seconds`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._registry = Registry(settings)
        self._interval = settings.serving.poll_seconds
        self._record_path = settings.home / "cache" / "champion.json"
        self._current: LoadedModel | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._reload_loop, name="champion", daemon=True)
        #: why the last poll failed; None after one that succeeded
        self.last_error: str | None = None
        self._polled_at: float | None = None

    def start(self) -> None:
        """Load the champion, or the last one served when the database or MLflow is away; then keep polling."""
        self.poll()
        if self._current is None:
            self._load_last_served()
        self._thread.start()

    def stop(self) -> None:
        """Stop polling."""
        self._stop.set()
        self._thread.join(timeout=10)

    def current(self) -> LoadedModel:
        """The version that serves; a request that holds it finishes with it. Raises NotFound before the first one."""
        if self._current is None:
            raise NotFound(what="champion", key="yet: it comes with the first scoring run")
        return self._current

    def seconds_since_poll(self) -> float:
        """Age of the last successful poll; infinite before it."""
        return float("inf") if self._polled_at is None else time.monotonic() - self._polled_at

    def poll(self) -> None:
        """Ask the database once, and load another version if it names one.

        Never raises: a failure keeps the current model and is reported in `last_error`.
        """
        try:
            with self._store.begin() as connection:
                champion = model_versions.champion(connection)
                if self._serves(champion):
                    champion = None
                synthetic = champion is not None and training_rows.learned_synthetic(connection, champion.version)
            if champion is not None:
                self._load(champion.version, champion.family, champion.digest, synthetic=synthetic)
        except Exception as error:
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            if message != self.last_error:
                log.warning("champion: %s", message)
            self.last_error = message
            return
        self.last_error = None
        self._polled_at = time.monotonic()

    def _serves(self, version: ModelVersion | None) -> bool:
        """Whether the version is the one in memory."""
        return version is not None and self._current is not None and self._current.version == version.version

    def _load(self, version: int, family: str, digest: str, *, synthetic: bool) -> None:
        model = self._registry.load(version, digest)
        check_probabilities(model, WARM_UP)
        self._current = LoadedModel(
            version=version,
            family=family,
            digest=digest,
            model=model,
            loaded_at=clock.now(),
            learned_synthetic=synthetic,
        )
        self._write_record({"version": version, "family": family, "digest": digest, "synthetic": synthetic})
        log.info("champion: version %d (%s) serves", version, family)

    def _reload_loop(self) -> None:
        while not self._stop.wait(self._interval):
            self.poll()

    def _write_record(self, record: dict[str, Any]) -> None:
        """For a start without the database; the package is in the cache, and its digest is checked again."""
        write_atomically(self._record_path, record)

    def _load_last_served(self) -> None:
        try:
            record = json.loads(self._record_path.read_text())
            self._load(record["version"], record["family"], record["digest"], synthetic=record.get("synthetic", False))
        except FileNotFoundError:
            return
        except Exception as error:
            log.warning("champion: the last served version cannot be loaded: %s", error)
