"""Time and memory of one drift check: `ours` or `evidently`, rows, data folder. Prints one JSON line."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.drift import scenarios as scenarios
from sentiment_lib.drift import detectors, samples
from sentiment_lib.drift.evidently_report import write_html
from sentiment_lib.drift.signals import compute_signals
from sentiment_lib.policy import DriftPolicy

os.environ.setdefault("DO_NOT_TRACK", "1")


def main() -> None:
    """Compare two windows of `rows` tweets each; memory is what the check adds to the rows that are given to it."""
    who, rows, data = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    pool = scenarios.pool(data)
    random = np.random.default_rng(0)
    reference, current = (pool.iloc[random.integers(0, len(pool), rows)].reset_index(drop=True) for _ in range(2))
    known = scenarios.known_words(pool)
    import evidently.presets  # noqa: F401 (imports are no part of the check)

    if who == "evidently":
        # its preset gets signals that are ready, without the seconds they took
        reference, current = _tiled(pool, known, rows)
    process = psutil.Process()
    before = process.memory_info().rss
    peak, over = [before], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            peak.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if who == "ours":
            policy = DriftPolicy()
            detectors.check_windows(reference, current, policy)
            both = samples.draw_samples(reference, current, policy)
            write_html(
                compute_signals(both.reference, both.vocabulary),
                compute_signals(both.current, both.vocabulary),
                Path(folder) / "a.html",
            )
        else:
            _preset(reference, current, Path(folder) / "b.html")
    seconds = time.perf_counter() - started
    over.set()
    thread.join()
    total = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"seconds": round(seconds, 2), "check_mb": round((max(peak) - before) / 2**20), "peak_mb": round(total)}
        )
    )


def _tiled(pool, known, rows):
    figures = compute_signals(pool.sample(min(len(pool), 20_000), random_state=0), known)
    figures = figures.loc[:, figures.notna().all()]
    random = np.random.default_rng(0)
    return [figures.iloc[random.integers(0, len(figures), rows)].reset_index(drop=True) for _ in range(2)]


def _preset(reference, current, path: Path) -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    from sentiment_lib.drift.signals import CONTINUOUS

    numbers = [name for name in reference if name in CONTINUOUS]
    classes = [name for name in reference if name not in CONTINUOUS]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=classes)
    sets = [
        Dataset.from_pandas(one.astype(dict.fromkeys(classes, str)), data_definition=definition)
        for one in (current, reference)
    ]
    Report([DataDriftPreset()]).run(*sets).save_html(str(path))


if __name__ == "__main__":
    main()
