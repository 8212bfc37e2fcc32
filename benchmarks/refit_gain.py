"""What it brings to train a model once more on its holdout, too: gain on the next block, in points of accuracy.

    python -m benchmarks.refit_gain [--quick] [--check] [--cache build/replay]

Every model of a history against itself with the rows of its holdout, and against the newest of all these rows, as many
as it learned from: what the latter gains is freshness, the rest is volume. Histories are those of the folder
SENTIMENT_BENCHMARK_DATA that are there; --quick: the airline week alone. Last line: JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks import claim
from benchmarks.real_histories import HISTORIES, read
from sentiment_lib.policy import Policy
from sentiment_lib.replay import blocks as block_rules
from sentiment_lib.replay import cube as prediction_cube
from sentiment_lib.replay import refit
from sentiment_lib.replay.cell import Cell, Recipe
from sentiment_lib.replay.comparison import Estimate

RECIPE = Recipe(family="count_logreg")


def measure(cache: Path, *, quick: bool) -> dict[str, Any]:
    """Gain by history, of all rows and of as many rows."""
    found: dict[str, Any] = {}
    for one in HISTORIES[: 1 if quick else None]:
        history = read(one)
        if history is None:
            continue
        cube = prediction_cube.build(
            history, block_rules.parse(history, one.blocks), RECIPE, Policy(), cache / "cells", jobs=1
        )
        serving = [model for model in range(cube.start, len(cube.blocks) - 1) if cube.cells[model] is not None]
        if len(serving) < len(cube.served):
            raise SystemExit(f"{one.title}: a block has no model")
        gains = {}
        for name, same_volume in (("all rows", False), ("as many rows", True)):
            refitted = dict[int, Cell]()
            for model in serving:
                cell = refit.refit_cell(cube, model, cache / "cells", same_volume=same_volume)
                if cell is None:
                    raise SystemExit(f"{one.title}: the family refused to learn from block {model}")
                refitted[model] = cell
            gains[name] = _shown(refit.gain(cube, serving, refitted))
        found[one.title] = gains
        print(f"{one.title}: {gains}", flush=True)
    return {"histories": found}


def _shown(estimate: Estimate) -> dict[str, Any]:
    spread = {length: [round(100 * end, 2) for end in ends] for length, ends in estimate.intervals.items()}
    return {"points": round(100 * estimate.value, 2), "intervals": spread}


if __name__ == "__main__":
    sys.exit(claim.main("refit_gain", __doc__, measure))
