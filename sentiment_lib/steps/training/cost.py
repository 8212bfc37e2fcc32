"""Measure the cost of a training, and of serving its model on the machine that trained it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sentiment_lib import machine
from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.families.base import Model
from sentiment_lib.files import write_atomically

#: Predictions of a single tweet for the latency percentiles, and tweets in the batch for the throughput.
ROUNDS, BATCH = 100, 500
#: Predictions of each of the slowest texts.
REPEATS = 5
#: Seconds between two saves of the time spent.
SAVE_INTERVAL = 1.0
EXAMPLE = "@united thanks for nothing, flight delayed again and nobody tells us why"


class Stopwatch:
    """Wall-clock and CPU seconds (of all threads) of a block.

    With a file `path`, the time of earlier, killed attempts counts too: a resumed training does not repeat their work.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        spent = json.loads(path.read_text()) if path is not None and path.is_file() else {"wall": 0.0, "cpu": 0.0}
        self.wall, self.cpu = spent["wall"], spent["cpu"]
        self._last = time.monotonic(), time.process_time()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the block."""
        self._last = time.monotonic(), time.process_time()
        try:
            yield
        finally:
            self.save(every=0.0)

    def save(self, *, every: float = SAVE_INTERVAL) -> None:
        """Add the time since the last save, unless that was less than `every` seconds ago."""
        moment = time.monotonic(), time.process_time()
        if moment[0] - self._last[0] < every:
            return
        self.wall, self.cpu = self.wall + moment[0] - self._last[0], self.cpu + moment[1] - self._last[1]
        self._last = moment
        if self._path is not None:
            write_atomically(self._path, {"wall": self.wall, "cpu": self.cpu})


def single_latencies(model: Model, texts: Sequence[str]) -> list[float]:
    """Milliseconds of each text alone (n,).

    A slow answer may be that of a busy machine: for the slowest tenth of the texts the shortest of REPEATS counts.
    """

    def spent(text: str) -> float:
        started = time.perf_counter()
        model.predict_proba([text])
        return 1000 * (time.perf_counter() - started)

    model.predict_proba([EXAMPLE])
    found = [spent(text) for text in texts]
    for number in np.argsort(found)[-max(len(found) // 10, 1) :]:
        found[number] = min(found[number], *(spent(texts[number]) for _ in range(REPEATS - 1)))
    return found


def measure_cost(model: Model, folder: Path, stopwatch: Stopwatch, texts: Sequence[str] = ()) -> Cost:
    """Measure the cost of a model whose package is in `folder`; `texts` are tweets like those that will be scored.

    Memory is the peak of this process: training and scoring together.
    """
    distinct = list(dict.fromkeys(texts))[:BATCH] or [EXAMPLE]
    spent = single_latencies(model, (distinct * ROUNDS)[:ROUNDS])
    started = time.perf_counter()
    model.predict_proba(distinct)
    batch = time.perf_counter() - started
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Cost(
        p50_ms=round(float(np.percentile(spent, 50)), 3),
        p99_ms=round(float(np.percentile(spent, 99)), 3),
        tweets_per_second=round(len(distinct) / batch, 1),
        memory_mb=round(machine.peak_memory_mb(), 1),
        model_mb=round(model.memory_mb, 3),
        artefact_mb=round(size / 1e6, 3),
        train_seconds=round(stopwatch.wall, 3),
        train_cpu_seconds=round(stopwatch.cpu, 3),
    )
