"""How often the gate promotes what misses its aim by exactly the margin, and what is no worse.

    python -m benchmarks.missed_margins [--quick] [--check] [--lives 400] [--only guard] [--rows 500] [--guard-margin 1]

A life is a champion with 20 looks at one candidate each, drawn anew; a fifth of the holdout is new at each look.
--check: 1 when more lives than the error budget promote what the budget bounds, as far as chance does not explain it
(exact 95 % interval). --guard-margin: `gate.refresh_guard_margin`; at 1 no guard metric is tested. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.missed_margins.models import Cells, Pair, Stream
from benchmarks.simulated_looks import SimulatedLooks
from sentiment_lib.evaluation import aims
from sentiment_lib.evaluation.comparison import Terms, compare
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.evaluation.margin_test import margin_test
from sentiment_lib.policy import GatePolicy
from sentiment_lib.records import Answer
from sentiment_lib.statistics import paired_counts

POLICY = GatePolicy(bootstrap_rounds=500)
LOOKS, NEW_SHARE = 20, 0.2
#: Rounds of a first, rough test of the main metric, and the multiple of the level at which it has failed.
FIRST_ROUNDS, CLEARLY = 200, 4
REFRESH = aims.Aim(kind=aims.REFRESH, margin=POLICY.refresh_margin)
MAIN, MACRO, RECALL = "negative_f1", "macro_f1", "negative_recall"
#: Gain of the main metric of a candidate that loses on a guard metric.
GUARDED = 0.015
#: Largest probability of a calibrated model, and of one that boasts.
HONEST, BOAST = 0.78, 0.97
SIZES, QUICK_SIZES = (200, 500, 1000, 3000), (500,)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Candidates of one kind; bounded: the error budget bounds how many lives promote one."""

    name: str
    aim: aims.Aim
    pair: Pair
    rows: int
    bounded: bool = False


def cases(policy: GatePolicy, sizes: Sequence[int]) -> Iterator[Case]:
    """Candidates that miss their aim, that lose less, and that gain."""
    for rows in sizes:
        for differ in (0.02, 0.05, 0.1):
            worse = Pair(differ=differ, gains={MAIN: -policy.refresh_margin})
            yield Case(name="main -1", aim=REFRESH, pair=worse, rows=rows, bounded=True)
        for guard in (MACRO, RECALL):
            for loss in (0.01, 0.03, 0.05):
                lost = Pair(differ=0.1, gains={MAIN: GUARDED, guard: -loss})
                is_bounded = loss >= policy.refresh_guard_margin
                name = f"main +1.5, guard {guard} {-100 * loss:.0f}"
                yield Case(name=name, aim=REFRESH, pair=lost, rows=rows, bounded=is_bounded)
            lost = Pair(differ=0.1, gains={MAIN: GUARDED, guard: -policy.non_inferiority})
            name = f"change: main +1.5, guard {guard} -3"
            yield Case(name=name, aim=aims.SUPERIORITY, pair=lost, rows=rows, bounded=True)
        for differ in (0.01, 0.02, 0.05):
            worse = Pair(differ=differ, gains={MAIN: -policy.refresh_margin})
            name = "recalibration: main -1"
            yield Case(name=name, aim=aims.recalibration(policy), pair=worse, rows=rows, bounded=True)
        for differ in (0.05, 0.1):
            equal = Pair(differ=differ, gains={MAIN: 0.0, MACRO: 0.0, RECALL: 0.0})
            yield Case(name="equal", aim=REFRESH, pair=equal, rows=rows)
            for gain in (0.01, 0.02, 0.03):
                better = Pair(differ=differ, gains={MAIN: gain, MACRO: gain, RECALL: gain / 2})
                yield Case(name=f"gain +{100 * gain:.0f}", aim=REFRESH, pair=better, rows=rows)


def life(cells: Cells, case: Case, number: int, policy: GatePolicy) -> int | None:
    """The look that promotes its candidate, from 0; None when none does."""
    rng = np.random.default_rng([zlib.crc32(repr(case).encode()), number])
    new = max(int(case.rows * NEW_SHARE), 1)
    stream = Stream.draw(cells, case.rows + new * (LOOKS - 1), rng)
    looks = SimulatedLooks(policy)
    for look in range(LOOKS):
        first = look * new
        budget = looks.begin(first, new if look else case.rows)
        rows = stream.candidate(slice(first, first + case.rows), rng)
        promoted, p_value = _judge(*rows, case=case, policy=policy, level=budget.level(policy), rng=rng)
        if promoted:
            return look
        looks.end(budget, first + case.rows, p_value)
    return None


def _judge(labels, champion, candidate, *, case: Case, policy: GatePolicy, level: float, rng) -> tuple[bool, float]:
    """Whether the candidate is promoted, and its largest p-value: 1 for one that is clearly not promising."""
    aim = case.aim
    counts = paired_counts.count_pairs(labels, champion, candidate)
    if aim.margin:
        # most looks fail here by far, and the whole comparison takes ten times as long
        first = margin_test(counts, MAIN, margin=aim.margin, rounds=FIRST_ROUNDS, rng=rng)
        if first.p_value > max(CLEARLY * level, 1.5 * policy.promising_p_value):
            return False, 1.0
    # a champion that boasts, so that a recalibration is better calibrated
    boast = BOAST if aim.kind == aims.RECALIBRATION else HONEST
    probabilities = [
        (1 - top) / 2 + (1.5 * top - 0.5) * np.eye(3)[model] for top, model in ((boast, champion), (HONEST, candidate))
    ]
    compared = compare(labels, *probabilities, policy=policy, level=level, terms=Terms.of(aim, policy))
    return decide(compared, policy, aim=aim)[0] is Answer.PROMOTE, compared.p_value


def measure(case: Case, lives: int, policy: GatePolicy) -> dict[str, Any] | None:
    """Shares of lives that promote one at their first look, and within all; None where such models cannot be."""
    try:
        cells = case.pair.cells()
    except ValueError:
        return None
    seen = [life(cells, case, number, policy) for number in range(lives)]
    harmed = sum(look is not None for look in seen)
    interval = binomtest(harmed, lives).proportion_ci(0.95)
    return {
        "case": case.name,
        "differ": case.pair.differ,
        "rows": case.rows,
        "first_look": round(seen.count(0) / lives, 3),
        "life": round(harmed / lives, 3),
        "interval": [round(interval.low, 3), round(interval.high, 3)],
        "bounded": case.bounded,
    }


def main() -> int:
    """Measure; 1 when --check finds a bounded loss promoted too often."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer lives, and 500 rows alone")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--lives", type=int)
    parser.add_argument("--only", default="", help="cases whose name has this")
    parser.add_argument("--rows", type=int, nargs="+", help="rows of the holdout")
    parser.add_argument("--guard-margin", type=float, default=POLICY.refresh_guard_margin)
    asked = parser.parse_args()
    policy = POLICY.model_copy(update={"refresh_guard_margin": asked.guard_margin})
    started, lives = time.perf_counter(), asked.lives or (10 if asked.quick else 200)
    found = []
    for case in cases(policy, asked.rows or (QUICK_SIZES if asked.quick else SIZES)):
        if asked.only in case.name:
            row = measure(case, lives, policy)
            if row is None:
                continue
            found.append(row)
            low, high = row["interval"]
            print(
                f"{case.name:44} {case.rows:5,} rows, differ {case.pair.differ:4.0%}: first look "
                f"{row['first_look']:6.1%}, life {row['life']:6.1%} ({low:.1%} to {high:.1%})"
                f"{', bounded' if case.bounded else ''}",
                flush=True,
            )
    held = all(row["interval"][0] <= POLICY.error_budget for row in found if row["bounded"])
    seconds = round(time.perf_counter() - started, 1)
    print(json.dumps({"benchmark": "missed_margins", "lives": lives, "cases": found, "seconds": seconds, "held": held}))
    return 1 if asked.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
