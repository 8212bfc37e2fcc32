"""What a training costs, and what its model costs to serve, measured where it was trained."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sentiment_lib.evaluation.cost import Cost
from sentiment_lib.families.base import Model, Progress
from sentiment_lib.registry import runs

_log = logging.getLogger(__name__)
#: One tweet is scored so often for its percentiles, and this many different ones at once for the rate.
ROUNDS, BATCH = 100, 500
EXAMPLE = "@united thanks for nothing, flight delayed again and nobody tells us why"


class Stopwatch:
    """Seconds on the wall and of the processor, all threads together, that a block took."""

    wall = 0.0
    cpu = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the block."""
        wall, cpu = time.monotonic(), time.process_time()
        yield
        self.wall, self.cpu = time.monotonic() - wall, time.process_time() - cpu


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
        memory_mb=round(runs.peak_memory_mb(), 1),
        model_mb=round(model.memory_mb, 3),
        artefact_mb=round(size / 1e6, 3),
        train_seconds=round(watch.wall, 3),
        train_cpu_seconds=round(watch.cpu, 3),
    )
    return {name: value for name, value in asdict(cost).items() if value is not None}


def within(minutes: float, rule: str) -> Progress:
    """Progress into the log, each tenth once; False, which cancels, when the time of this rule is used up."""
    started, told = time.monotonic(), 0.0

    def progress(share: float, doing: str) -> bool:
        nonlocal told
        if share >= told:
            told = share + 0.1
            _log.info("%.0f %%: %s", 100 * share, doing)
        if time.monotonic() - started <= 60 * minutes:
            return True
        _log.error("the %g minutes of policy.retrain.%s are used up", minutes, rule)
        return False

    return progress
