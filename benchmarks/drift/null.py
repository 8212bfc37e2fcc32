"""False alarms: windows drawn from the same real tweets as their reference, ours and Evidently's in one run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.drift import scenarios as scenarios
from sentiment_lib.drift import continuous_monitor, detectors
from sentiment_lib.drift.signals import compute_signals
from sentiment_lib.policy import DriftPolicy

SIZES = (200, 1_000, 5_000, 50_000)
REFERENCE = 5_000
POLICY = DriftPolicy()


def share(hits: int, tries: int) -> dict[str, float | int]:
    """A share with its exact 95 % interval (Clopper and Pearson)."""
    low, high = stats.binomtest(hits, tries).proportion_ci()
    return {"share": hits / tries, "low": round(float(low), 4), "high": round(float(high), 4), "windows": tries}


def evidently_scores(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    """Evidently's default figure of each column over its default threshold, so that 1 and more alarms."""
    from sentiment_lib.drift.evidently_report import run

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


def null(data: Path, quick: bool, sizes: list[int]) -> dict[str, object]:
    """Share of windows with an alarm, and alarms in runs of continuous monitoring (size 0)."""
    pool = scenarios.pool(data)
    rows: dict[str, object] = {}
    for size in [one for one in sizes if one] if sizes else SIZES[: 2 if quick else None]:
        rows[str(size)] = _windows(pool, size, windows=40 if quick else 500, theirs=5 if quick else 100)
        print(f"null n={size}: {rows[str(size)]}", flush=True)
    if sizes and 0 not in sizes:
        return rows
    rows["sequential"] = _runs(pool, length=40 if quick else 500, runs=1 if quick else 4)
    print(f"null sequential: {rows['sequential']}", flush=True)
    return rows


def _windows(pool: pd.DataFrame, size: int, *, windows: int, theirs: int) -> dict[str, object]:
    known = scenarios.known_words(pool)
    hits = dict.fromkeys(("ours", "column", "dataset", "text"), 0)
    for seed in range(windows):
        order = np.random.default_rng([size, seed]).permutation(len(pool))
        reference, current = pool.iloc[order[:REFERENCE]], pool.iloc[order[REFERENCE : REFERENCE + size]]
        hits["ours"] += _alarms(reference, current, seed)
        if seed < theirs:
            figures = list(
                evidently_scores(compute_signals(reference, known), compute_signals(current, known)).values()
            )
            hits["column"] += max(figures) >= 1
            # the preset's own word on the whole table: half of the columns
            hits["dataset"] += float(np.mean([one >= 1 for one in figures])) >= 0.5
            hits["text"] += text_drift(reference, current)
    return {
        "ours": share(hits["ours"], windows),
        "evidently_preset_any_column": share(hits["column"], theirs),
        "evidently_preset_half_of_the_columns": share(hits["dataset"], theirs),
        "evidently_text": share(hits["text"], theirs),
    }


def _alarms(reference: pd.DataFrame, current: pd.DataFrame, seed: int) -> bool:
    return detectors.check_windows(reference, current, POLICY.model_copy(update={"seed": seed})).verdict == "drift"


def _runs(pool: pd.DataFrame, *, length: int, runs: int) -> dict[str, object]:
    """Continuous watching: for each run a reference of its own and `length` windows of 500.

    Windows of one run are exchangeable, so every order of them is a run as good as the one that was drawn: alarms per
    run and windows per alarm are taken over 200 orders of each.
    """
    drawn, per_order = [], []
    for number in range(runs):
        random = np.random.default_rng([1, number])
        order = random.permutation(len(pool))
        reference, rest = pool.iloc[order[:REFERENCE]], order[REFERENCE:]
        scores = np.array(
            [
                continuous_monitor.score_window(
                    detectors.check_windows(
                        reference, pool.iloc[random.choice(rest, 500, replace=False)], POLICY
                    ).as_dicts()
                )
                for _ in range(length)
            ]
        )
        drawn.append(alarms_in(scores))
        per_order += [alarms_in(random.permutation(scores)) for _ in range(0 if length < 500 else 200)]
    orders = per_order or drawn
    return {
        "windows": length,
        "run_length": POLICY.run_length,
        "false_alarms": drawn,
        "false_alarms_per_run_over_orders": float(np.mean(orders)),
        "windows_per_false_alarm": length * len(orders) / max(1, sum(orders)),
        "orders": len(orders),
    }


def alarms_in(scores: np.ndarray) -> int:
    """Number of alarms of one run of continuous monitoring."""
    state, alarms = continuous_monitor.monitor_scores([], run_length=POLICY.run_length), 0
    for one in scores:
        state = state.update(float(one))
        alarms += state.alarm
    return alarms
