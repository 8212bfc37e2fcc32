"""What a training costs, and what its model costs to serve, measured where it was trained."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sentiment_lib import machine
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.families.base import Model, Progress
from sentiment_lib.files import write_atomically

_log = logging.getLogger(__name__)
#: One tweet is scored so often for its percentiles, and this many different ones at once for the rate.
ROUNDS, BATCH = 100, 500
#: Seconds between two notes of what was spent.
NOTED = 1.0
EXAMPLE = "@united thanks for nothing, flight delayed again and nobody tells us why"


class Stopwatch:
    """Seconds on the wall and of the processor, all threads together, that a block took.

    With a file `kept` also what earlier tries took, which wrote it: the work that they did is not done again.
    """

    def __init__(self, kept: Path | None = None) -> None:
        self._kept = kept
        spent = json.loads(kept.read_text()) if kept is not None and kept.is_file() else {"wall": 0.0, "cpu": 0.0}
        self.wall, self.cpu = spent["wall"], spent["cpu"]
        self._last = time.monotonic(), time.process_time()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the block."""
        self._last = time.monotonic(), time.process_time()
        try:
            yield
        finally:
            self.note(every=0.0)

    def note(self, *, every: float = NOTED) -> None:
        """Add what passed since the last note, if that was `every` seconds ago; a kill loses only the rest."""
        moment = time.monotonic(), time.process_time()
        if moment[0] - self._last[0] < every:
            return
        self.wall, self.cpu = self.wall + moment[0] - self._last[0], self.cpu + moment[1] - self._last[1]
        self._last = moment
        if self._kept is not None:
            write_atomically(self._kept, {"wall": self.wall, "cpu": self.cpu})


def cost_of(model: Model, folder: Path, watch: Stopwatch, texts: Sequence[str] = ()) -> dict[str, float]:
    """Every figure of `Cost`; `folder` holds the package, `texts` are tweets like those that will be scored.

    Memory is the peak of this process: training and scoring together.
    """
    distinct = list(dict.fromkeys(texts))[:BATCH] or [EXAMPLE]
    model.predict_proba([EXAMPLE])
    spent = []
    for text in (distinct * ROUNDS)[:ROUNDS]:
        started = time.perf_counter()
        model.predict_proba([text])
        spent.append(1000 * (time.perf_counter() - started))
    started = time.perf_counter()
    model.predict_proba(distinct)
    batch = time.perf_counter() - started
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    cost = Cost(
        p50_ms=round(float(np.percentile(spent, 50)), 3),
        p99_ms=round(float(np.percentile(spent, 99)), 3),
        tweets_per_second=round(len(distinct) / batch, 1),
        memory_mb=round(machine.peak_memory_mb(), 1),
        model_mb=round(model.memory_mb, 3),
        artefact_mb=round(size / 1e6, 3),
        train_seconds=round(watch.wall, 3),
        train_cpu_seconds=round(watch.cpu, 3),
    )
    return {name: value for name, value in asdict(cost).items() if value is not None}


def within(minutes: float, rule: str, watch: Stopwatch | None = None) -> Progress:
    """Progress into the log, each tenth once; False, which cancels, when the time of this rule is used up.

    A running `watch` notes its seconds on the way, and what it had from earlier tries counts.
    """
    started, told = time.monotonic() - (watch.wall if watch else 0.0), 0.0

    def progress(share: float, doing: str) -> bool:
        nonlocal told
        if watch is not None:
            watch.note()
        if share >= told:
            told = share + 0.1
            _log.info("%.0f %%: %s", 100 * share, doing)
        if time.monotonic() - started <= 60 * minutes:
            return True
        _log.error("the %g minutes of policy.retrain.%s are used up", minutes, rule)
        return False

    return progress
