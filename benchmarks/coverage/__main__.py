"""Coverage of every interval that the product shows, in worlds whose truth is known.

python -m benchmarks.coverage [--quick] [--check] [--draws N] [--only WORDS]

Each interval is computed by the product's own functions on 1,000 draws of each world (`worlds`); --quick takes 60. A
"95 % interval" must contain the truth in 93 to 97 % of the draws that show one; a range or a bound that holds at least
at its level, in 93 % or more. Model-based ranges claim nothing and are printed beside. --check exits 1 when one misses:
in a quick run, when chance does not explain it (exact 99 % Monte-Carlo interval). Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.coverage import measures
from benchmarks.coverage.worlds import RARER, USUAL, WORLDS, World

Measure = Callable[[World, np.random.Generator], Iterator[measures.Found]]
FULL, QUICK = 1000, 60
#: Coverage that an interval of 95 % must have, and the smallest number of draws with an interval that is judged.
LEAST, MOST, MIN_SHOWN = 0.93, 0.97, 0.2
CALIBRATION_LABELS = (300, 2000)
#: Share of wrong answers, tweets labelled twice, and power of the probabilities.
CALIBRATION_ERRORS = ((0.05, 400, 1.0), (0.05, 400, 3.0), (0.1, 400, 1.0), (0.1, 400, 3.0), (0.1, 0, 1.6))


def plan() -> Iterator[tuple[World, Measure]]:
    """Worlds and the intervals that are computed in them."""
    for world in WORLDS:
        if world.copies:
            yield world, measures.whole_day_with_copies
        elif world.day_spread:
            yield world, measures.days_on_a_chart
        else:
            yield world, measures.quality_by_day
    plain = [w for w in WORLDS if not (w.copies or w.day_spread or w.skipped or w.annotator_error or w.uneven != 1)]
    for world in plain:
        yield world, measures.model_card
        yield world, measures.estimated
    for labels in CALIBRATION_LABELS:
        for sharpness in (1.0, 1.6, 3.0):
            name = f"power {sharpness:g}, {labels} labels"
            yield World(name=name, sharpness=sharpness, labels=labels), measures.calibration
    for error, pairs, sharpness in CALIBRATION_ERRORS:
        name = f"power {sharpness:g}, {100 * error:g} % annotator error, {pairs} pairs"
        hard = World(name=name, sharpness=sharpness, labels=500, annotator_error=error, pairs=pairs)
        yield hard, measures.calibration
    yield World(name="calibration, hard tweets skipped", sharpness=1.6, labels=500, skipped=0.5), measures.calibration
    for name, prior in (("usual", USUAL), ("3 % rare class", RARER)):
        for pairs in (20, 50, 200):
            yield World(name=name, prior=prior), partial(measures.kappa, pairs=pairs)
    for labels in (150, 500, 2000):
        world = World(name=f"equal models, {labels} labels", labels=labels)
        yield world, measures.gate_bounds
        yield world, measures.watch_bounds
        yield world, measures.shadow_gain


def judge(rows: Iterable[measures.Found], draws: int, *, exact: bool) -> list[dict[str, Any]]:
    """Coverage and mean width of each interval, and whether its claim holds."""
    grouped: dict[tuple[str, str], list[tuple[bool, float]]] = {}
    for name, claim, low, high, true in rows:
        grouped.setdefault((name, claim), []).append((low <= true <= high, high - low))
    return [_judge(name, claim, np.array(found), draws, exact=exact) for (name, claim), found in grouped.items()]


def _judge(name: str, claim: str, found: np.ndarray, draws: int, *, exact: bool) -> dict[str, Any]:
    inside, shown = int(found[:, 0].sum()), len(found)
    share = inside / shown
    bounds = binomtest(inside, shown).proportion_ci(0.99)
    floor, top = (share, share) if exact else (bounds.high, bounds.low)
    least = 1 - float(claim.split()[1]) if claim.startswith("one-sided") else LEAST
    if claim == "model" or shown < MIN_SHOWN * draws:
        holds = True
    elif claim.startswith("one-sided"):
        holds = bounds.high >= least
    elif claim == "interval":
        holds = floor >= LEAST and top <= MOST
    else:
        holds = floor >= LEAST
    row = {"interval": name, "claim": claim, "inside": round(share, 4), "shown": shown}
    return row | {"width": round(float(found[:, 1].mean()), 4), "holds": holds}


def run(draws: int, only: str, *, exact: bool) -> list[dict[str, Any]]:
    """Every world and interval whose name contains `only`."""
    rows = []
    for world, measure in plan():
        title = f"{getattr(measure, '__name__', 'kappa')} {world.name}"
        if only not in title:
            continue
        seed = zlib.crc32(f"{title} {world.labels}".encode())
        found = [row for draw in range(draws) for row in measure(world, np.random.default_rng([seed, draw]))]
        for row in judge(found, draws, exact=exact):
            rows.append({"world": world.name, **row})
            print(
                f"{world.name:46} {row['interval']:30} {row['claim']:16} inside {100 * row['inside']:5.1f} % "
                f"of {row['shown']:4}, width {row['width']:.3f}{'' if row['holds'] else '  MISSES'}",
                flush=True,
            )
    return rows


def main() -> None:
    """Run, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("quick", "check"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--draws", type=int, help="draws of each world")
    parser.add_argument("--only", default="", help="worlds and intervals whose name contains this")
    chosen = parser.parse_args()
    started = time.perf_counter()
    draws = chosen.draws or (QUICK if chosen.quick else FULL)
    rows = run(draws, chosen.only, exact=draws >= FULL)
    missed = [f"{row['world']}: {row['interval']} {row['inside']}" for row in rows if not row["holds"]]
    seconds = round(time.perf_counter() - started, 1)
    print(json.dumps({"benchmark": "coverage", "seconds": seconds, "draws": draws, "rows": rows, "failed": missed}))
    raise SystemExit(1 if chosen.check and missed else 0)


if __name__ == "__main__":
    main()
