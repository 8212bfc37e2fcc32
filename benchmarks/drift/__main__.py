"""Drift detection: false alarms without drift, delay with it, cost, and performance estimation.

    python -m benchmarks.drift --null --calendar --power --cost --quality --promotions [--quick] [--check] [--data DIR]

Real tweets, a linear model trained on a part that no window contains. Evidently receives the same signals, with its
default methods and thresholds (alarm: any column). Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.drift import scenarios as scenarios
from benchmarks.drift.calendar import calendar
from benchmarks.drift.null import evidently_scores, null, share
from benchmarks.drift.promotions import promotions
from sentiment_lib.drift import detectors, drivers, performance_estimation
from sentiment_lib.drift.false_alarms import window_level
from sentiment_lib.drift.signals import compute_signals
from sentiment_lib.policy import DriftPolicy
from sentiment_lib.statistics.matrix_scaling import fit_matrix_scaling

os.environ.setdefault("DO_NOT_TRACK", "1")
POLICY = DriftPolicy()
#: Tweets in a drifted window: small ones tell how soon, larger ones whether at all.
WINDOWS = (200, 500)


def power(data: Path, quick: bool, sizes: list[int]) -> dict[str, object]:
    """Share of drifted windows that alarm, and windows until the first alarm, Evidently at our false-alarm rate.

    Where we made the change, an alarm that the window raised before it as well tells nothing of the change.
    """
    rows: dict[str, object] = {}
    for size in sizes or (WINDOWS[1:] if quick else WINDOWS):
        last: list[pd.DataFrame] = []
        before: list[pd.DataFrame] = []
        for name, reference, calm, drifted, unchanged in scenarios.every(data, windows=5 if quick else 40, size=size):
            if calm is not last:  # several changes of the same tweets share their undisturbed windows
                last, known = calm, scenarios.known_words(reference)
                quiet, factor = _quiet(reference, calm, known)
            if unchanged is not before:
                before, without = unchanged, _alarms(reference, unchanged, known, factor)
            row = _power(reference, drifted, known, factor, without if unchanged else None)
            rows[f"{name}, n={size}"] = row | {"undisturbed_ours": quiet, "evidently_thresholds_times": factor}
            print(f"power n={size} {name}: {rows[f'{name}, n={size}']}", flush=True)
    return rows


def _quiet(reference: pd.DataFrame, calm: list[pd.DataFrame], known: frozenset[str]) -> tuple[dict[str, object], float]:
    """Our alarms on undisturbed windows, and the factor on Evidently's thresholds that they exceed at our rate."""
    left = compute_signals(reference, known)
    figures = [max(evidently_scores(left, compute_signals(one, known)).values()) for one in calm]
    ours = sum(detectors.check_windows(reference, one, POLICY).verdict == "drift" for one in calm)
    return share(ours, len(calm)), max(1.0, float(np.quantile(figures, 1 - window_level(POLICY))))


Alarms = tuple[list[bool], list[bool]]


def _alarms(reference: pd.DataFrame, windows: list[pd.DataFrame], known: frozenset[str], factor: float) -> Alarms:
    """Which windows alarm: ours, Evidently's."""
    left = compute_signals(reference, known)
    windows = [one.reset_index(drop=True) for one in windows]
    return (
        [detectors.check_windows(reference, one, POLICY).verdict == "drift" for one in windows],
        [max(evidently_scores(left, compute_signals(one, known)).values()) >= factor for one in windows],
    )


def _power(
    reference: pd.DataFrame,
    drifted: list[pd.DataFrame],
    known: frozenset[str],
    factor: float,
    without: Alarms | None,
) -> dict[str, object]:
    both = _alarms(reference, drifted, known, factor)
    caused = [
        [alarm and not before for alarm, before in zip(alarms, each, strict=True)]
        for alarms, each in zip(both, without or ([False] * len(drifted),) * 2, strict=True)
    ]
    moved = [drivers.find_drivers(reference, window) for window in drifted]
    words = Counter(str(one["word"]) for found in moved for one in found["words"][:5])
    airlines = Counter(found["airlines"][0]["airline"] for found in moved if found["airlines"])
    return {
        "ours": share(sum(caused[0]), len(drifted)),
        "evidently": share(sum(caused[1]), len(drifted)),
        "windows_ours": until(caused[0]),
        "windows_evidently": until(caused[1]),
        "alarmed_ours_evidently": [sum(alarms) / len(drifted) for alarms in both],
        "alarmed_before_the_change": [sum(each) / len(drifted) for each in without] if without else None,
        "windows_that_name": dict(words.most_common(5)),
        "airline": airlines.most_common(1),
    }


def until(alarms: list[bool]) -> float:
    """Mean number of windows until the first alarm over every start; one more than all windows when there is none."""
    if not any(alarms):
        return float(len(alarms) + 1)
    twice = [*alarms, *alarms]
    return float(
        np.mean([next(i for i in range(1, len(twice)) if twice[start + i - 1]) for start in range(len(alarms))])
    )


def cost(data: Path, quick: bool, sizes: list[int]) -> dict[str, object]:
    """Seconds and peak memory of a check with its HTML, and of Evidently's default preset, each in its own process."""
    rows: dict[str, object] = {}
    for size in sizes or ((10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)):
        for who in ("ours", "evidently"):
            command = [sys.executable, "-m", "benchmarks.drift.cost", who, str(size), str(data)]
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
        fitted = fit_matrix_scaling(labels, proba)
        last = performance_estimation.estimate_from_sample(labels, proba, np.ones(len(labels))).value
        for block, frame in later:
            truth_labels, now = scenarios.arrays(frame)
            truth = performance_estimation.estimate_from_sample(truth_labels, now, np.ones(len(now))).value
            guess = performance_estimation.estimate_without_labels(now, fitted)
            errors["estimated"].append(abs(guess.value - truth))
            errors["last"].append(abs(last - truth))
            blocks[f"{name} {block}"] = {"estimated": guess.value, "true": truth, "last": last}
            print(f"quality {name} {block}: estimated {guess.value:.3f}, true {truth:.3f}, last {last:.3f}", flush=True)
            last, fitted = truth, fit_matrix_scaling(truth_labels, now)
    return {"blocks": blocks} | {f"mae_{name}": float(np.mean(values)) for name, values in errors.items()}


def failures(found: dict[str, dict[str, object]]) -> list[str]:
    """Bounds that do not hold."""
    bad = _calendar_failures(found.get("calendar", {}))
    critical: Any = found.get("promotions", {}).get("critical", {"share": 0})
    bad += [f"promotions: {critical} with a critical alarm"] if critical["share"] else []
    for size, row in found.get("null", {}).items():
        if size == "sequential":
            if row["false_alarms_per_run_over_orders"] > row["windows"] / row["run_length"]:  # type: ignore[index]
                bad.append(f"sequential false alarms {row}")
        elif row["ours"]["share"] > 0.05:  # type: ignore[index]
            bad.append(f"null n={size}: {row['ours']} > 0.05")  # type: ignore[index]
    for name, row in found.get("power", {}).items():
        if row["ours"]["share"] < row["evidently"]["share"]:  # type: ignore[index]
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


def _calendar_failures(rows: Mapping[str, Any]) -> list[str]:
    return [
        f"calendar {name}: {row}: more than 0.05 of windows, 1 incident a month, or fewer than 0.8 of drifted days"
        for name, row in rows.items()
        if row.get("share", 0) > 0.05 or row.get("per_month", 0) > 1 or row.get("found", {"share": 1})["share"] < 0.8
    ]


def main() -> None:
    """Run what is asked (everything without a choice)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {
        "null": null,
        "calendar": calendar,
        "power": power,
        "cost": cost,
        "quality": lambda data, *_: foreseen(data),
        "promotions": promotions,
    }
    for name in (*parts, "quick", "check"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sizes", type=int, nargs="*", help="tweets in a window: only these (null: 0 is continuous)")
    chosen = parser.parse_args()
    wanted = [name for name in parts if getattr(chosen, name)] or list(parts)
    started = time.perf_counter()
    found = {name: parts[name](chosen.data, chosen.quick, chosen.sizes) for name in wanted}
    bad = failures(found)
    print(json.dumps({"benchmark": "drift", "seconds": round(time.perf_counter() - started), **found, "failed": bad}))
    raise SystemExit(1 if chosen.check and bad else 0)


if __name__ == "__main__":
    main()
