"""Which labels to buy next: the audit sample alone, or a share of it beside what active learning picks?

    python -m benchmarks.label_choice [--quick] [--check] [--cache build/replay]

A fixed share of each block's tweets is labelled, as the label queue assigns them (`benchmarks/labelled_paths.py`), and
a model is trained and judged after every block. Shares of the audit in the queue are compared with the audit alone, by
the same seeds: which models the gate promotes, and how well the champion and the newest model do on the next block.
Histories are those of the folder SENTIMENT_BENCHMARK_DATA that are there; --quick: one seed of the airline week. Paths
that were walked are kept in the cache. Last line: JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import claim, labelled_paths
from benchmarks.labelled_paths import Path as Walked
from benchmarks.labelled_paths import Queue
from benchmarks.real_histories import HISTORIES, read
from sentiment_lib.replay.history import History
from sentiment_lib.replay.intervals import moving_block_interval
from sentiment_lib.replay.memory import Memory, code_digest, library_versions
from sentiment_lib.statistics.metrics import Floats

#: Shares of the audit sample in the queue; the first is the audit alone.
SHARES = (1.0, 0.5, 0.2)
BLOCKS = "12 blocks"
#: Files of `real_histories`, each once.
FILES = {one.file: one for one in HISTORIES}
#: Share of the tweets that is labelled, and seeds of the draw.
BUDGET, SEEDS = 0.25, 5
ROUNDS = 4000


def walked(history: History, queue: Queue, memory: Memory) -> Walked:
    """One path, walked or from the memory."""
    key = [history.digest(), history.name, BLOCKS, asdict(queue)]
    found = memory.stored(key, lambda: asdict(labelled_paths.walk(history, BLOCKS, queue)))
    return Walked(**found)


def against_audit(paths: Sequence[Walked], audit: Sequence[Walked]) -> dict[str, Any]:
    """Differences from the audit alone, in points; paths and audit have one for each seed."""
    found: dict[str, Any] = {}
    for name in ("champion", "newest"):
        own, other = (np.array([getattr(one, name) for one in side]) for side in (paths, audit))
        per_block = 100 * (own - other).mean(axis=0)
        low, high = moving_block_interval(per_block, 2)
        found[name] = _rounded(float(per_block.mean()), low, high)
    chances = np.array(
        [one.promoted / one.looks - two.promoted / two.looks for one, two in zip(paths, audit, strict=True)]
    )
    ends = _over_seeds(chances) if chances.size >= SEEDS else (float("-inf"), float("inf"))
    found["promoted_share"] = _rounded(float(chances.mean()), *ends)
    return found


def _over_seeds(values: Floats) -> tuple[float, float]:
    rng = np.random.default_rng(20150224)
    means = values[rng.integers(values.size, size=(ROUNDS, values.size))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _rounded(value: float, low: float, high: float) -> dict[str, Any]:
    interval = [round(low, 3), round(high, 3)] if np.isfinite([low, high]).all() else None  # too few seeds
    return {"difference": round(value, 3), "interval": interval}


def measure(cache: Path, *, quick: bool) -> dict[str, Any]:
    """Each history and share: promotions and accuracy, and differences from the audit alone."""
    code = code_digest("evaluation", "families", "replay", "statistics", "text")
    own = Path(labelled_paths.__file__).read_text()
    memory = Memory(cache / "label_choice.jsonl", about=json.dumps([code, own, library_versions()]))
    found: dict[str, Any] = {}
    for one in list(FILES.values())[: 1 if quick else None]:
        history = read(one)
        if history is None:
            continue
        by_share: dict[float, list[Walked]] = {share: [] for share in SHARES}
        for seed in range(1 if quick else SEEDS):
            for share in SHARES:
                by_share[share].append(walked(history, Queue(budget=BUDGET, audit_share=share, seed=seed), memory))
                print(f"{one.preset}, seed {seed}, audit {share:g}: {by_share[share][-1]}", file=sys.stderr, flush=True)
        found[one.preset] = {f"{share:g}": _shown(paths, by_share[SHARES[0]]) for share, paths in by_share.items()}
        print(f"{one.preset}: {json.dumps(found[one.preset])}", flush=True)
    return {"budget": BUDGET, "blocks": BLOCKS, "histories": found}


def _shown(paths: Sequence[Walked], audit: Sequence[Walked]) -> dict[str, Any]:
    return {
        "promoted": sum(one.promoted for one in paths),
        "looks": sum(one.looks for one in paths),
        "champion": round(100 * float(np.mean([one.champion for one in paths])), 2),
        "newest": round(100 * float(np.mean([one.newest for one in paths])), 2),
        "judging_rows": round(float(np.mean([one.judging_rows for one in paths]))),
        "against_audit": against_audit(paths, audit) if paths is not audit else None,
    }


if __name__ == "__main__":
    sys.exit(claim.main("label_choice", __doc__, measure))
