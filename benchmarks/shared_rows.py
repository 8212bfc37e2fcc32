"""How often a candidate exactly at its margin passes within the error budget, when looks share holdout rows.

    python -m benchmarks.shared_rows [--quick] [--check]

Levels of looks depend on earlier p-values, which bounds the sum where p-values are valid given earlier looks. Looks
that share rows and candidates that share errors violate this: p-values of sliding holdouts are drawn here as normal
scores whose rows and errors overlap, every candidate at its margin. --check exits 1 where the exact 95 % interval of a
share lies above the budget. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from scipy.stats import binomtest, norm

from sentiment_lib.evaluation.look_budget import LookBudget, charge, is_promising, rows_to_spend
from sentiment_lib.policy import GatePolicy

POLICY = GatePolicy()
#: New rows of a look, rows of the holdout, looks.
STREAMS = ((500, 500, 20), (500, 2500, 40), (100, 2000, 60), (50, 1000, 100), (200, 4000, 104), (3000, 3000, 12))
#: Correlation of the errors of two candidates on a row.
SHARED_ERRORS = (0.0, 0.5, 0.9)


def at_the_margin(
    rng: np.random.Generator,
    *,
    lives: int,
    new: int,
    window: int,
    looks: int,
    shared: float = 0.5,
    policy: GatePolicy = POLICY,
) -> float:
    """Share of lives of so many looks in which a candidate passes although each is at its margin.

    new: rows that each look after the first adds to a sliding holdout of `window` rows, a multiple of `new`;
    shared: correlation of candidates' errors on a row.
    """
    return sum(_passes(rng, new, window, looks, shared, policy) for _ in range(lives)) / lives


def _passes(rng: np.random.Generator, new: int, window: int, looks: int, shared: float, policy: GatePolicy) -> bool:
    parts = window // new
    common = rng.normal(size=looks + parts)
    own = rng.normal(size=looks)
    spent = counted = carried = 0
    for look in range(looks):
        score = np.sqrt(shared / parts) * common[look : look + parts].sum() + np.sqrt(1 - shared) * own[look]
        p_value = float(norm.sf(score))
        fresh = new if look else window
        spend = rows_to_spend(carried + fresh)
        budget = LookBudget(
            candidates=1,
            new_rows=fresh,
            spent_rows=spend,
            champion_rows=spent,
            period_rows=spent,
            champion_charge=counted,
            period_charge=counted,
        )
        if p_value <= budget.level(policy):
            return True
        carried, spent = max(carried + fresh - spend, 0), spent + spend
        counted += charge(spend, fresh, float(is_promising(p_value, policy)))
    return False


def main() -> int:
    """Measure; 1 when --check finds a share above the budget that chance does not explain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    began, lives, rows = time.monotonic(), 1000 if asked.quick else 10_000, []
    for new, window, looks in STREAMS:
        for shared in SHARED_ERRORS:
            rng = np.random.default_rng([new, window, looks, round(10 * shared)])
            found = at_the_margin(rng, lives=lives, new=new, window=window, looks=looks, shared=shared)
            bounds = binomtest(round(found * lives), lives).proportion_ci(0.95)
            interval = [round(bounds.low, 4), round(bounds.high, 4)]
            rows.append({"new": new, "window": window, "looks": looks, "shared_errors": shared, "passed": found})
            rows[-1]["interval"] = interval
            print(f"{looks:4} looks, {new:5,} new of {window:5,} rows, errors shared {shared}: {found:.4f} {interval}")
    held = all(row["interval"][0] <= POLICY.error_budget for row in rows)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"benchmark": "shared_rows", "lives": lives, "rows": rows, "held": held, "seconds": seconds}))
    return 1 if asked.check and not held else 0


if __name__ == "__main__":
    raise SystemExit(main())
