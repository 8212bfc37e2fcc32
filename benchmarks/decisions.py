"""Trustworthiness of decisions: false promotions under repeated looks, labels needed, automatic rollback.

    python -m benchmarks.decisions --null 400 --power --watch --platform [--quick] [--check]

--platform: through the platform's SQL, nothing else. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

from benchmarks.platform_decisions import report
from benchmarks.real_predictions import Scored, scored, thinned
from sentiment_lib.evaluation import alpha_spending
from sentiment_lib.evaluation.comparison import compare
from sentiment_lib.evaluation.gate import decide
from sentiment_lib.evaluation.metric_influence import (
    expected_gains,
    max_abs_gain,
    metric_gradient,
    row_gains,
)
from sentiment_lib.evaluation.promotion_watch import WORSE, monitor_promotion
from sentiment_lib.evaluation.sample_size import labels_needed
from sentiment_lib.evaluation.significance import permutation_p_value
from sentiment_lib.policy import GatePolicy, PromotionWatchPolicy
from sentiment_lib.records import Answer
from sentiment_lib.statistics import paired_counts
from sentiment_lib.statistics.anytime_valid import log_evidence_path
from sentiment_lib.statistics.metrics import confusion_matrix
from sentiment_lib.statistics.prediction_powered import prediction_powered_mean

METRIC = "negative_f1"
HOLDOUTS = (300, 500, 1000, 2000, 5000)
LOOKS = 20
LEVEL, POWER = 0.05, 0.8
#: Tweets without a label that the prediction-powered test may read.
UNLABELLED = 20_000
PAIR = ("tf-idf, odd rows", "words and characters")


def null(sets: list[Scored], simulations: int) -> dict:
    """Share of simulated champions that are wrongly replaced within 20 looks by models that are no better."""
    policy = GatePolicy(bootstrap_rounds=2000)
    counts = dict.fromkeys(("gate", "benefit rule alone", "p < 0.05 at every look", "new > old"), 0)
    single = looks_taken = 0
    pools: dict[tuple, np.ndarray] = {}
    for number in range(simulations):
        data = sets[number % len(sets)]
        rng = np.random.default_rng([1, number])
        rows, models = HOLDOUTS[number % len(HOLDOUTS)], list(data.proba)
        champion = models[int(rng.integers(len(models)))]
        rotates = bool(number // 2 % 2)
        window = rng.integers(data.labels.size, size=rows)
        seen: set[str] = set()
        for look in range(LOOKS):
            if rotates and look:
                fresh = rng.random(rows) < 0.25
                window = np.where(fresh, rng.integers(data.labels.size, size=rows), window)
            candidate = str(rng.choice([name for name in models if name != champion]))
            key = (data.name, champion, candidate)
            if key not in pools:
                old, new = data.classes(champion), data.classes(candidate)
                kept = thinned(data.labels, old, new, 0.0, metric=METRIC, seed=7)
                pools[key] = np.isin(np.arange(data.labels.size), kept)
            part = window[pools[key][window]]
            y, old, new = data.labels[part], data.proba[champion][part], data.proba[candidate][part]
            looks_taken += 1
            if float(paired_counts.difference(paired_counts.count_pairs(y, old.argmax(1), new.argmax(1)), METRIC)) <= 0:
                continue  # no gate promotes without a gain
            single += 1
            seen.add("new > old")
            level = alpha_spending.significance_level(look, policy)
            comparison = compare(y, old, new, policy=policy, level=level)
            answer, rules = decide(comparison, policy)
            if comparison.main.p_value <= LEVEL:
                seen.add("p < 0.05 at every look")
            if any(rule.rule == "benefit" and rule.verdict == "pass" for rule in rules):
                seen.add("benefit rule alone")
            if answer is Answer.PROMOTE:
                seen.add("gate")
        for name in seen:
            counts[name] += 1
    shares = {name: round(count / simulations, 4) for name, count in counts.items()}
    return {
        "simulations": simulations,
        "looks_each": LOOKS,
        "wrongly_promoted": shares,
        "new_over_old_at_one_look": round(single / looks_taken, 4),
    }


def power(data: Scored, repeats: int) -> dict:
    """Labels for 80 % correct promotion at +1, +2 and +3 points by four tests at the same one-sided level."""
    champion, candidate = PAIR
    found = {}
    for points in (1, 2, 3):
        pool = _Pool(data, champion, candidate, points / 100)
        start = labels_needed(points / 100, paired_counts.row_deviation(pool.cube, METRIC), level=LEVEL) or 0
        found[f"+{points}"] = {
            "plain": _smallest(pool.plain, start, repeats),
            "whole gate": _smallest(pool.gate, 2 * start, repeats),
            "e-process": pool.e_process(start, repeats),
            "prediction-powered": _smallest(pool.powered, start, repeats),
            "prediction-powered, where they differ": _smallest(pool.differing, start // 4, repeats),
        }
    equal = _Pool(data, champion, candidate, 0.0)
    labels = found["+3"]  # the fewest labels: where an error in the bounds would show
    wrong = {
        "plain": equal.plain(labels["plain"], 5 * repeats),
        "prediction-powered": equal.powered(labels["prediction-powered"], 5 * repeats),
        "prediction-powered, where they differ": equal.differing(
            labels["prediction-powered, where they differ"], 5 * repeats
        ),
    }
    saved = {
        name: round(min(1 - row[name] / row["plain"] for row in found.values()), 3)
        for name in labels
        if name.startswith("prediction-powered")
    }
    return {"labels": found, "smallest_saving": saved, "wrong_at_no_gain": {k: round(v, 4) for k, v in wrong.items()}}


class _Pool:
    """Real rows in which the candidate leads by an exact margin, and the tests that may find it."""

    def __init__(self, data: Scored, champion: str, candidate: str, lead: float) -> None:
        rows = thinned(data.labels, data.classes(champion), data.classes(candidate), lead, metric=METRIC, seed=11)
        self.y, self.old, self.new = data.labels[rows], data.classes(champion)[rows], data.classes(candidate)[rows]
        self.cube = paired_counts.count_pairs(self.y, self.old, self.new)
        self.gradient = metric_gradient(confusion_matrix(self.y, self.old), METRIC)
        self.gain = row_gains(self.y, self.old, self.new, self.gradient)
        belief = (data.proba[champion][rows] + data.proba[candidate][rows]) / 2
        self.expected = expected_gains(belief, self.old, self.new, self.gradient)
        self.old_proba, self.new_proba = data.proba[champion][rows], data.proba[candidate][rows]
        self.slices = {name: mask[rows] for name, mask in data.slices.items()}

    def gate(self, labels: int, repeats: int) -> float:
        """Share of repeats in which the whole gate promotes: first look, guards, slices, calibration."""
        policy, won = GatePolicy(bootstrap_rounds=1000), 0
        for repeat in range(repeats // 4):
            part = np.random.default_rng([6, labels, repeat]).integers(self.y.size, size=labels)
            masks = {name: mask[part] for name, mask in self.slices.items()}
            compared = compare(self.y[part], self.old_proba[part], self.new_proba[part], slices=masks, policy=policy)
            won += decide(compared, policy)[0] is Answer.PROMOTE
        return won / (repeats // 4)

    def plain(self, labels: int, repeats: int) -> float:
        """Share of repeats in which the swap test promotes."""
        won = 0
        for repeat in range(repeats):
            rng = np.random.default_rng([2, labels, repeat])
            rows = rng.integers(self.y.size, size=labels)
            cube = paired_counts.count_pairs(self.y[rows], self.old[rows], self.new[rows])
            won += (
                float(paired_counts.difference(cube, METRIC)) > 0
                and permutation_p_value(cube, METRIC, rounds=500, rng=rng) <= LEVEL
            )
        return won / repeats

    def powered(self, labels: int, repeats: int) -> float:
        """The same with labels drawn evenly and predictions for all."""
        return self._estimated(labels, repeats, np.ones(self.y.size, dtype=bool))

    def differing(self, labels: int, repeats: int) -> float:
        """The same with labels drawn evenly from the rows on which the two models differ: what the label queue does."""
        return self._estimated(labels, repeats, self.old != self.new)

    def _estimated(self, labels: int, repeats: int, is_drawn: np.ndarray) -> float:
        won = 0
        for repeat in range(repeats):
            rng = np.random.default_rng([3, labels, repeat])
            rows = rng.integers(self.y.size, size=UNLABELLED)
            # rows on which both agree gain nothing: their labels are not needed
            chance = np.where(is_drawn[rows], min(labels / max(int(is_drawn[rows].sum()), 1), 1.0), 1e-6)
            labelled = rng.random(UNLABELLED) < chance
            found = prediction_powered_mean(
                self.gain[rows], self.expected[rows], labelled, chance, level=2 * LEVEL, centre=0
            )
            won += found.low > 0
        return won / repeats

    def e_process(self, start: int, repeats: int) -> int | None:
        """Labels after which 80 % of the e-processes have reached 1 / level."""
        scale, length = max_abs_gain(self.gradient), 6 * start
        crossed = []
        for repeat in range(repeats):
            rows = np.random.default_rng([4, repeat]).integers(self.y.size, size=length)
            reached = np.flatnonzero(log_evidence_path(self.gain[rows] / scale) >= -np.log(LEVEL))
            crossed.append(int(reached[0]) + 1 if reached.size else np.inf)
        needed = float(np.quantile(crossed, POWER, method="higher"))
        return int(needed) if np.isfinite(needed) else None


def _smallest(test, start: int, repeats: int) -> int:
    """Labels at which the power crosses 80 %, on a line through simulated points around the first guess."""
    sizes = sorted({max(int(start * factor), 20) for factor in (0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.45)})
    powers = np.maximum.accumulate([test(size, repeats) for size in sizes])
    while powers[-1] < POWER:
        sizes.append(int(sizes[-1] * 1.3))
        powers = np.append(powers, max(powers[-1], test(sizes[-1], repeats)))
    while powers[0] > POWER and sizes[0] > 20:
        sizes.insert(0, max(int(sizes[0] * 0.7), 20))
        powers = np.insert(powers, 0, min(powers[0], test(sizes[0], repeats)))
    return round(float(np.interp(POWER, powers + np.arange(powers.size) * 1e-9, sizes)))


def watching(data: Scored, watches: int) -> dict:
    """Audit labels until a champion that is 5 points worse is rolled back, and how often an equal one is."""
    policy, good, bad = PromotionWatchPolicy(), "words and characters", "tf-idf, odd rows"
    result = {}
    for name, lead in (("5 points worse", -0.05), ("equal", 0.0)):
        old, new = data.classes(good), data.classes(bad)
        rows = thinned(data.labels, old, new, lead, metric=METRIC, seed=13)
        reference = confusion_matrix(data.labels, old)
        after = []
        for number in range(watches):
            part = np.random.default_rng([5, number]).choice(rows, size=policy.enough_labels)
            seen = monitor_promotion(
                data.labels[part], old[part], new[part], reference=reference, policy=policy, metric=METRIC
            )
            after.append(seen.crossed_after if seen.verdict == WORSE else None)
        crossed = [np.inf if labels is None else labels for labels in after]
        median = float(np.median(crossed))
        result[name] = {
            "watches": watches,
            "rolled_back": round(float(np.isfinite(crossed).mean()), 4),
            "median_labels": median if np.isfinite(median) else None,
        }
    return result


def main() -> int:
    """Run what was asked for; 1 when --check finds a figure beyond its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--null", type=int, nargs="?", const=400, metavar="N", help="simulated champions")
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--watch", action="store_true")
    parser.add_argument("--platform", action="store_true", help="through the platform's SQL on Postgres, nothing else")
    parser.add_argument("--worlds", type=int, help="worlds of two years of --platform")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: a check that it runs, not a figure")
    parser.add_argument("--check", action="store_true", help="exit 1 when a figure is beyond its bound")
    asked = parser.parse_args()
    if asked.platform:
        return report.run(quick=asked.quick, check=asked.check, worlds=asked.worlds)
    everything = not (asked.null or asked.power or asked.watch)
    started = time.perf_counter()
    airline = scored("airline")
    result: dict = {"benchmark": "decisions", "quick": asked.quick}
    if asked.null or everything:
        sets = [airline] if asked.quick else [airline, scored("semeval")]
        result["null"] = null(sets, 40 if asked.quick else asked.null or 400)
    if asked.power or everything:
        result["power"] = power(airline, 60 if asked.quick else 400)
    if asked.watch or everything:
        result["watch"] = watching(airline, 40 if asked.quick else 200)
    result["seconds"] = round(time.perf_counter() - started, 1)
    bounds = list(_bounds(result))
    for what, figure, bound, held in bounds:
        print(f"{'ok  ' if held else 'FAIL'} {what}: {figure} (bound {bound})")
    result["held"] = all(held for *_, held in bounds)
    print(json.dumps(result))
    return 1 if asked.check and not result["held"] else 0


def _bounds(result: dict):
    if "null" in result:
        share = result["null"]["wrongly_promoted"]["gate"]
        yield "wrongly promoted by the gate in 20 looks", share, "<= 0.05", share <= 0.05
        share = result["null"]["wrongly_promoted"]["benefit rule alone"]
        yield "wrongly promoted by its benefit rule alone", share, "<= 0.05", share <= 0.05
    if "power" in result:
        saved = result["power"]["smallest_saving"]["prediction-powered, where they differ"]
        yield "labels saved by prediction-powered inference as the queue draws", saved, ">= 0.25", saved >= 0.25
        for name, wrong in result["power"]["wrong_at_no_gain"].items():
            # 0.05 and twice the standard error of 2,000 repeats
            yield f"wrong at no gain, {name}", wrong, "<= 0.06", wrong <= 0.06 or result["quick"]
    if "watch" in result:
        share = result["watch"]["equal"]["rolled_back"]
        yield "equal champions rolled back", share, "<= 0.05", share <= 0.05
        share = result["watch"]["5 points worse"]["rolled_back"]
        yield "champions 5 points worse rolled back", share, ">= 0.8", share >= 0.8


if __name__ == "__main__":
    sys.exit(main())
