"""How often a candidate exactly at its margin passes within the error budget, when looks share holdout rows.

    python -m benchmarks.shared_rows [--quick] [--check]

P-values of sliding holdouts are drawn as normal scores whose rows and errors overlap, every candidate at its margin.
"new": each look has another candidate. "kept": one is judged again for as long as it is promising, and then replaced,
which chooses by rows that both looks share. --check exits 1 where the exact 95 % interval of a share lies above the
budget. Last line: JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time

import numpy as np
from scipy.stats import binomtest, norm

from benchmarks.simulated_looks import SimulatedLooks
from sentiment_lib.policy import GatePolicy
from sentiment_lib.storage.holdout_looks import JUDGED_AGAIN

POLICY = GatePolicy()
#: New rows of a look, rows of the holdout, looks.
STREAMS = ((500, 500, 60), (250, 500, 60), (100, 500, 60), (500, 2500, 40), (250, 2500, 60), (100, 1000, 60))
#: Correlation of the errors of two candidates on a row.
SHARED_ERRORS = (0.0, 0.5)
STRATEGIES = ("new", "kept")


def at_the_margin(
    rng: np.random.Generator,
    *,
    lives: int,
    new: int,
    window: int,
    looks: int,
    shared: float = 0.5,
    keeps: bool = False,
    policy: GatePolicy = POLICY,
) -> float:
    """Share of lives of so many looks in which a candidate passes although each is at its margin.

    new: rows that each look after the first adds to a sliding holdout of `window` rows, a multiple of `new`;
    shared: correlation of candidates' errors on a row; keeps: a promising candidate is judged again.
    """
    return sum(_passes(rng, new, window, looks, shared, keeps, policy) for _ in range(lives)) / lives


def _passes(
    rng: np.random.Generator, new: int, window: int, looks: int, shared: float, keeps: bool, policy: GatePolicy
) -> bool:
    parts = window // new
    common = rng.normal(size=looks + parts)
    own, again = rng.normal(size=looks + parts), False
    earlier = SimulatedLooks(policy)
    for look in range(looks):
        if not again:
            own = rng.normal(size=looks + parts)
        rows = slice(look, look + parts)
        score = np.sqrt(shared / parts) * common[rows].sum() + np.sqrt((1 - shared) / parts) * own[rows].sum()
        p_value = float(norm.sf(score))
        budget = earlier.begin(look * new, new if look else window, candidates=JUDGED_AGAIN if again else 1)
        if p_value <= budget.level(policy):
            return True
        again = earlier.end(budget, look * new + window, p_value) and keeps
    return False


def main() -> int:
    """Measure; 1 when --check finds a share above the budget that chance does not explain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    began, lives, rows = time.monotonic(), 1000 if asked.quick else 4000, []
    for (new, window, looks), shared, strategy in itertools.product(STREAMS, SHARED_ERRORS, STRATEGIES):
        rng = np.random.default_rng([new, window, looks, round(10 * shared)])
        keeps = strategy == "kept"
        found = at_the_margin(rng, lives=lives, new=new, window=window, looks=looks, shared=shared, keeps=keeps)
        bounds = binomtest(round(found * lives), lives).proportion_ci(0.95)
        interval = [round(bounds.low, 4), round(bounds.high, 4)]
        world = {"new": new, "window": window, "looks": looks, "shared_errors": shared, "strategy": strategy}
        rows.append({**world, "passed": found, "interval": interval})
        print(
            f"{looks} looks, {new:,} new of {window:,} rows, errors shared {shared}, {strategy}: {found:.4f} {interval}"
        )
    held = all(row["interval"][0] <= POLICY.error_budget for row in rows)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"benchmark": "shared_rows", "lives": lives, "rows": rows, "held": held, "seconds": seconds}))
    return 1 if asked.check and not held else 0


if __name__ == "__main__":
    raise SystemExit(main())
