"""How often drift checks alarm without drift, how soon they alarm with it, what they cost, and if quality is foreseen.

    python -m benchmarks.drift --null --power --cost --quality [--quick] [--check] [--data ../shared/data]

Real tweets, a linear model trained on a part that no window contains. Evidently sees the same signals; its figures are
those of its default methods and thresholds (preset: any column, as its per-column verdicts are read). Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import drift_scenarios as scenarios
from sentiment_lib.drift import causes, detectors, quality, sequential
from sentiment_lib.drift.signals import signals
from sentiment_lib.policy import DriftPolicy

os.environ.setdefault("DO_NOT_TRACK", "1")
POLICY = DriftPolicy()
SIZES = (200, 1_000, 5_000, 50_000)
REFERENCE = 5_000


def evidently_scores(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    """Evidently's default figure of each column over its default threshold, so that 1 and more alarms."""
    from sentiment_lib.drift.report import run

    found = {}
    for one in run(reference, current).dict()["metrics"]:
        config, value = one["config"], float(one["value"])
        distance = "distance" in config["method"] or "divergence" in config["method"]
        limit = float(config["threshold"])
        found[config["column"]] = value / limit if distance else limit / max(value, 1e-300)
    return found


def text_drift(reference: pd.DataFrame, current: pd.DataFrame) -> bool:
    """Verdict of Evidently's default text drift (a word classifier)."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    definition = DataDefinition(text_columns=["text"])
    sets = [
        Dataset.from_pandas(one[["text"]].reset_index(drop=True), data_definition=definition)
        for one in (current, reference)
    ]
    one = Report([ValueDrift(column="text")]).run(*sets).dict()["metrics"][0]
    return float(one["value"]) > float(one["config"]["threshold"])


def null(data: Path, quick: bool) -> dict[str, object]:
    """Share of windows with an alarm when reference and window are drawn from the same tweets."""
    pool = scenarios.pool(data)
    known = scenarios.known_words(pool)
    windows, theirs = (40, 5) if quick else (500, 25)
    rows: dict[str, object] = {}
    for size in SIZES:
        ours = evidently = texts = 0
        for seed in range(windows):
            order = np.random.default_rng([size, seed]).permutation(len(pool))
            reference, current = pool.iloc[order[:REFERENCE]], pool.iloc[order[REFERENCE : REFERENCE + size]]
            ours += detectors.check(reference, current, POLICY.model_copy(update={"seed": seed})).verdict == "drift"
            if seed < theirs:
                figures = evidently_scores(signals(reference, known), signals(current, known))
                evidently += max(figures.values()) >= 1
                texts += text_drift(reference, current)
        rows[str(size)] = {
            "ours": ours / windows,
            "windows": windows,
            "evidently_preset_any_column": evidently / theirs,
            "evidently_text": texts / theirs,
            "evidently_windows": theirs,
        }
        print(f"null n={size}: {rows[str(size)]}", flush=True)
    # continuous watching: one reference, a run of windows
    length = 100 if quick else 500
    random = np.random.default_rng(1)
    order = random.permutation(len(pool))
    reference, rest = pool.iloc[order[:REFERENCE]], order[REFERENCE:]
    state, alarms = sequential.Watch(run_length=POLICY.run_length), 0
    for _ in range(length):
        found = detectors.check(reference, pool.iloc[random.choice(rest, 500, replace=False)], POLICY)
        state = state.update(sequential.score(found.as_dicts()))
        alarms += state.alarm
    rows["sequential"] = {"windows": length, "run_length": POLICY.run_length, "false_alarms": alarms}
    print(f"null sequential: {rows['sequential']}", flush=True)
    return rows


def power(data: Path, quick: bool) -> dict[str, object]:
    """Share of drifted windows that alarm, and windows until the first alarm, Evidently at our false-alarm rate."""
    rows: dict[str, object] = {}
    repeats = 5 if quick else 12
    for name, reference, undisturbed, drifted in scenarios.every(data, windows=repeats):
        known = scenarios.known_words(reference)
        left = signals(reference, known)
        # matched: the threshold factor that its undisturbed windows exceed at our rate
        calm = [max(evidently_scores(left, signals(one, known)).values()) for one in undisturbed]
        factor = max(1.0, float(np.quantile(calm, 1 - POLICY.false_alarm_rate)))
        ours, theirs = [], []
        for one in drifted:
            ours.append(detectors.check(reference, one, POLICY).verdict == "drift")
            theirs.append(max(evidently_scores(left, signals(one, known)).values()) >= factor)
        moved = causes.causes(reference, drifted[-1])
        rows[name] = {
            "ours": float(np.mean(ours)),
            "evidently": float(np.mean(theirs)),
            "windows_ours": until(ours),
            "windows_evidently": until(theirs),
            "words": [one["word"] for one in moved["words"][:5]],
            "airline": moved["airlines"][0]["airline"] if moved["airlines"] else None,
        }
        print(f"power {name}: {rows[name]}", flush=True)
    return rows


def until(alarms: list[bool]) -> float:
    """Mean number of windows until the first alarm over every start; one more than all windows when there is none."""
    if not any(alarms):
        return float(len(alarms) + 1)
    twice = [*alarms, *alarms]
    return float(
        np.mean([next(i for i in range(1, len(twice)) if twice[start + i - 1]) for start in range(len(alarms))])
    )


def cost(data: Path, quick: bool) -> dict[str, object]:
    """Seconds and peak memory of a check with its HTML, and of Evidently's default preset, each in its own process."""
    rows: dict[str, object] = {}
    for size in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
        for who in ("ours", "evidently"):
            command = [sys.executable, "-m", "benchmarks.drift_cost", who, str(size), str(data)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows[f"{who}_{size}"] = json.loads(done.stdout.splitlines()[-1])
            print(f"cost {who} {size}: {rows[f'{who}_{size}']}", flush=True)
    return rows


def foreseen(data: Path) -> dict[str, object]:
    """Estimated against true macro-F1 on later blocks, and the error of assuming the last block's quality.

    As in the check: the probabilities are calibrated on the labels of the block before, which is also what the rival
    takes as its answer.
    """
    errors: dict[str, list[float]] = {"estimated": [], "last": []}
    blocks: dict[str, object] = {}
    for name, calibration, later in scenarios.blocks(data):
        labels, proba = scenarios.arrays(calibration)
        fitted = quality.calibrator(labels, proba)
        last = quality.measured(labels, proba, np.ones(len(labels))).macro_f1
        for block, frame in later:
            truth_labels, now = scenarios.arrays(frame)
            truth = quality.measured(truth_labels, now, np.ones(len(now))).macro_f1
            guess = quality.estimated(now, fitted)
            errors["estimated"].append(abs(guess.macro_f1 - truth))
            errors["last"].append(abs(last - truth))
            blocks[f"{name} {block}"] = {"estimated": guess.macro_f1, "true": truth, "last": last}
            print(
                f"quality {name} {block}: estimated {guess.macro_f1:.3f}, true {truth:.3f}, last {last:.3f}", flush=True
            )
            last, fitted = truth, quality.calibrator(truth_labels, now)
    return {"blocks": blocks} | {f"mae_{name}": float(np.mean(values)) for name, values in errors.items()}


def failures(found: dict[str, dict[str, object]]) -> list[str]:
    """Bounds that do not hold."""
    bad = []
    for size, row in found.get("null", {}).items():
        if size == "sequential":
            if row["false_alarms"] > max(1, row["windows"] / row["run_length"]):  # type: ignore[index]
                bad.append(f"sequential false alarms {row}")
        elif row["ours"] > 0.05:  # type: ignore[index]
            bad.append(f"null n={size}: {row['ours']} > 0.05")  # type: ignore[index]
    for name, row in found.get("power", {}).items():
        if row["ours"] < row["evidently"]:  # type: ignore[index]
            bad.append(f"power {name}: {row}")
    cost_rows = found.get("cost", {})
    if "ours_1000000" in cost_rows:
        big, mid, theirs = (cost_rows[key] for key in ("ours_1000000", "ours_100000", "evidently_1000000"))
        if theirs["seconds"] < 5 * big["seconds"]:  # type: ignore[index]
            bad.append(f"cost: less than 5 times faster, {big} and {theirs}")
        if big["check_mb"] > 1.5 * mid["check_mb"]:  # type: ignore[index]
            bad.append("cost: memory grows with the rows")
    quality_row = found.get("quality")
    if quality_row and quality_row["mae_estimated"] >= quality_row["mae_last"]:  # type: ignore[operator]
        bad.append(f"quality: {quality_row['mae_estimated']} is no better than {quality_row['mae_last']}")
    return bad


def main() -> None:
    """Run what is asked (everything without a choice)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"null": null, "power": power, "cost": cost, "quality": lambda data, quick: foreseen(data)}
    for name in (*parts, "quick", "check"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    chosen = parser.parse_args()
    wanted = [name for name in parts if getattr(chosen, name)] or list(parts)
    started = time.perf_counter()
    found = {name: parts[name](chosen.data, chosen.quick) for name in wanted}
    bad = failures(found)
    print(json.dumps({"benchmark": "drift", "seconds": round(time.perf_counter() - started), **found, "failed": bad}))
    raise SystemExit(1 if chosen.check and bad else 0)


if __name__ == "__main__":
    main()
