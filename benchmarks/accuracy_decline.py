"""False requests and power of the rule that asks for a retrain when the champion's accuracy declined.

    python -m benchmarks.accuracy_decline [--quick] [--check]

The champion is the best of three equal candidates on a holdout, as the gate shows it. Audit labels then come in as
random draws of the stream, on which its accuracy is that at its promotion, or less. Bound: with no fall at most 5 % ask
within 10,000 labels (a year of 2 % of 1,400 tweets a day). Last line: JSON.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from sentiment_lib.evaluation.accuracy_decline import PromisedAccuracy
from sentiment_lib.policy import RetrainPolicy
from sentiment_lib.statistics.anytime_valid import STAKES
from sentiment_lib.statistics.metrics import Floats, Ints

POLICY = RetrainPolicy()
ACCURACY, CANDIDATES = 0.8, 3
HOLDOUTS, FALLS = (100, 500, 2000), (0.03, 0.05, 0.1, 0.2)
YEAR, SOON = 10_000, (500, 1000, 4000)
BOUND = 0.05


def main() -> None:
    """Measure, and with --check exit 1 when too many champions that did not fall ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200 champions instead of 1,000")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    random, found = np.random.default_rng(3), []
    for rows in HOLDOUTS:
        for fall in (0.0, *FALLS):
            accepted = _accepted(random, rows, 200 if chosen.quick else 1000)
            first = _labels_until_request(random, ACCURACY - fall, accepted, SOON[-1] if fall else YEAR)
            shares = {labels: round(float((first <= labels).mean()), 4) for labels in (SOON if fall else (YEAR,))}
            found.append({"holdout": rows, "fall": fall, "asked_within": shares})
            print(f"holdout {rows}, fall {fall:.0%}: asked within {shares}", flush=True)
    worst = max(row["asked_within"][YEAR] for row in found if row["fall"] == 0)
    print(json.dumps({"benchmark": "accuracy_decline", "rows": found, "worst": worst, "bound": BOUND}))
    raise SystemExit(1 if chosen.check and worst > BOUND else 0)


def _accepted(random: np.random.Generator, rows: int, champions: int) -> Floats:
    right = random.binomial(rows, ACCURACY, (champions, CANDIDATES)).max(axis=1)
    promises = [PromisedAccuracy(right=int(one), rows=rows, candidates=CANDIDATES) for one in right]
    return np.array([promise.accepted(POLICY.quality_drop) for promise in promises])


def _labels_until_request(random: np.random.Generator, accuracy: float, accepted: Floats, most: int) -> Ints:
    """Labels until each champion's e-detector (`accuracy_decline.detect_decline`) alarms; most + 1 when it does not."""
    statistic, waiting = np.zeros((accepted.size, STAKES.size)), np.arange(accepted.size)
    first = np.full(accepted.size, most + 1)
    for label in range(1, most + 1):
        excess = (random.random(waiting.size) >= accuracy) - (1 - accepted[waiting])
        statistic = (statistic + 1) * (1 + STAKES * excess[:, None])
        alarms = statistic.mean(axis=1) >= POLICY.quality_run_length
        if alarms.any():
            first[waiting[alarms]] = label
            waiting, statistic = waiting[~alarms], statistic[~alarms]
    return first


if __name__ == "__main__":
    main()
