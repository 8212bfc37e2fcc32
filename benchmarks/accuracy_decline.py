"""False requests and power of the rule that asks for a retrain when the champion's accuracy declined.

    python -m benchmarks.accuracy_decline [--quick] [--check]

The champion is the first candidate that passes a gate: at each look, candidates as accurate as the champion (or more
accurate) are compared with it on a holdout of which a fifth is new, at the level that the look's budget gives each of
them; the best of those that pass is promoted. So its accuracy on the holdout is too high on average. Audit labels then
come in as random draws of the stream, on which its accuracy is the true one, or less. Bound: with no fall at most 5 %
ask within 10,000 labels (a year of 2 % of 1,400 tweets a day), as far as chance allows (exact 95 % interval).
Last line: JSON.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from scipy import stats

from sentiment_lib.evaluation.accuracy_decline import PromisedAccuracy
from sentiment_lib.evaluation.look_budget import LookBudget
from sentiment_lib.policy import GatePolicy, RetrainPolicy
from sentiment_lib.statistics.anytime_valid import STAKES
from sentiment_lib.statistics.metrics import Floats, Ints

POLICY, GATE = RetrainPolicy(), GatePolicy()
#: accuracy of the candidates, and share of the tweets on which one differs from the champion
ACCURACY, DIFFERENT = 0.8, 0.1
LOOKS, MOST_LIVES = 12, 20_000
#: aim, candidates of a look, and how much more accurate than the champion they are
CASES = (("refresh", 1, 0.0), ("refresh", 5, 0.0), ("change", 1, 0.02), ("change", 5, 0.02))
HOLDOUTS, FALLS = (100, 300, 1000), (0.05, 0.1, 0.2)
YEAR, SOON = 10_000, (500, 1000, 4000)
BOUND = 0.05


def main() -> None:
    """Measure, and with --check exit 1 when too many champions that did not fall ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200 champions instead of 1,000")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    random, found = np.random.default_rng(3), []
    for aim, candidates, gain in CASES:
        for rows in HOLDOUTS:
            accepted = _accepted(random, rows, 200 if chosen.quick else 1000, aim=aim, candidates=candidates, gain=gain)
            for fall in (0.0, *FALLS):
                first = _labels_until_request(random, ACCURACY - fall, accepted, SOON[-1] if fall else YEAR)
                shares = {labels: round(float((first <= labels).mean()), 4) for labels in (SOON if fall else (YEAR,))}
                case = {"aim": aim, "candidates": candidates, "gain": gain, "holdout": rows, "champions": accepted.size}
                found.append({**case, "fall": fall, "asked_within": shares})
                print(f"{case}, fall {fall:.0%}: asked within {shares}", flush=True)
    worst = max((row for row in found if row["fall"] == 0), key=lambda row: row["asked_within"][YEAR])
    asked = round(worst["asked_within"][YEAR] * worst["champions"])
    at_least = float(stats.beta.ppf(0.025, asked, worst["champions"] - asked + 1)) if asked else 0.0
    print(json.dumps({"benchmark": "accuracy_decline", "rows": found, "worst": worst, "bound": BOUND}))
    raise SystemExit(1 if chosen.check and at_least > BOUND else 0)


def _accepted(
    random: np.random.Generator, rows: int, champions: int, *, aim: str, candidates: int, gain: float
) -> Floats:
    """Accepted accuracies of champions that passed the gate, at most so many of MOST_LIVES lives of LOOKS looks."""
    better, worse = (DIFFERENT + gain) / 2, (DIFFERENT - gain) / 2
    cells = (better, worse, ACCURACY - better, 1 - ACCURACY - worse)
    margin = GATE.refresh_margin if aim == "refresh" else 0.0
    accepted = []
    for _ in range(MOST_LIVES):
        spent = 0
        for look in range(LOOKS):
            new = rows if look == 0 else rows // 5
            budget = LookBudget(
                candidates=candidates,
                new_rows=new,
                spent_rows=new,
                champion_rows=spent,
                period_rows=spent,
            )
            spent += new
            won, lost, both, _ = random.multinomial(rows, cells, candidates).T
            difference, error = (won - lost) / rows, np.sqrt(np.maximum(won + lost, 1)) / rows
            passed = ((difference + margin) / error > stats.norm.isf(budget.level(GATE))) & (difference > 0)
            if passed.any():
                best = np.where(passed, difference, -1).argmax()
                promise = PromisedAccuracy(right=int(won[best] + both[best]), rows=rows, share=budget.share(GATE))
                accepted.append(promise.accepted(POLICY.quality_drop))
                break
        if len(accepted) == champions:
            break
    return np.array(accepted)


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
