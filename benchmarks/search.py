"""Benefit of hyperparameter search: macro-F1 on later days against the defaults, and its cost.

    python -m benchmarks.search [--family NAME ...] [--trials N] [--seed N] [--quick] [--check] [--out FOLDER]

Searches on the airline week up to 22 February as `train` does, trains with the best and with the default
hyperparameters, and compares both on the 23rd and 24th by a paired bootstrap interval; the test days select nothing.
--quick takes fewer tweets (synthetic without the data) and searches twice. --check exits 1 when the interval's lower
end is below LOST, or when the second search selects other hyperparameters. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.families import data as families_data
from benchmarks.families.figures import difference, with_intervals
from sentiment_lib.families import catalog
from sentiment_lib.families.tuning.successive_halving import Outcome, search

FAMILIES = ("tfidf_logreg", "fasttext")
#: Points of macro-F1 that the lower end of the paired interval may lie below zero.
LOST = 0.02
#: What the last line says of each family.
SHOWN = ("difference", "found", "search_cpu_seconds")


def main() -> None:
    """Measure, print a table, keep every trial as JSON in the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", default=FAMILIES)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(".local/search"))
    for name in ("quick", "check"):
        parser.add_argument(f"--{name}", action="store_true")
    chosen = parser.parse_args()
    split = families_data.split("airline" if families_data.there("airline") else "made_up")
    if chosen.quick:
        split = split.shortened(1500, 500)
    chosen.out.mkdir(parents=True, exist_ok=True)
    rows, missed = [], []
    print("| family | defaults | searched | difference | search CPU s | training CPU s | winner |")
    print("|---|---|---|---|---|---|---|")
    for family in chosen.family:
        count = min(chosen.trials, 4) if chosen.quick else chosen.trials
        found, row = measured(family, split, seed=chosen.seed, count=count)
        (chosen.out / f"{family}-{chosen.seed}.json").write_text(json.dumps(row, indent=1))
        print(line(row), flush=True)
        rows.append(row)
        if row["difference"][1] < -LOST:
            missed.append(f"{family}: the interval reaches {row['difference'][1]:.3f}")
        if chosen.quick:
            again = search(family, split.train_texts, split.train_labels.tolist(), seed=chosen.seed, count=count)
            if (again.winner, again.gain) != (found.winner, found.gain):
                missed.append(f"{family}: a second search found configuration {again.winner}, not {found.winner}")
    summary = {row["family"]: {name: row[name] for name in SHOWN} for row in rows}
    print(json.dumps({"benchmark": "search", "data": split.name, "results": summary, "missed": missed}))
    raise SystemExit(1 if chosen.check and missed else 0)


def measured(family: str, split: families_data.Split, *, seed: int, count: int) -> tuple[Outcome, dict[str, Any]]:
    """The outcome of one search, and all figures of it; the tested rows are seen after it."""
    started = time.process_time()
    found = search(family, split.train_texts, split.train_labels.tolist(), seed=seed, count=count)
    spent = time.process_time() - started
    usual, usual_cpu = trained(family, split, seed, {})
    best, best_cpu = trained(family, split, seed, found.options) if found.options else (usual, usual_cpu)
    labels = split.test_labels
    return found, {
        "family": family,
        "data": split.name,
        "defaults": with_intervals(labels, usual)["macro_f1"],
        "searched": with_intervals(labels, best)["macro_f1"],
        "difference": difference(labels, usual.argmax(axis=1), best.argmax(axis=1), "macro_f1"),
        "search_cpu_seconds": round(spent, 1),
        "default_cpu_seconds": round(usual_cpu, 1),
        "train_cpu_seconds": round(best_cpu, 1),
        "found": dict(found.options),
        "winner": found.winner,
        "gain": found.gain,
        "gain_needed": found.gain_needed,
        "rungs": list(found.rungs),
        "trials": [
            {
                "configuration": trial.configuration,
                "options": dict(trial.options),
                "rows": trial.rows,
                "score": trial.score,
                "macro_f1": trial.macro_f1,
                "cpu_seconds": trial.cpu_seconds,
                "problem": trial.problem,
            }
            for trial in found.trials
        ],
    }


def trained(family: str, split: families_data.Split, seed: int, options: Any) -> tuple[np.ndarray, float]:
    """Answers (n, 3) for the tested rows, and the CPU seconds of the training."""
    started = time.process_time()
    model = catalog.train(family, split.train_texts, split.train_labels.tolist(), seed=seed, **options)
    spent = time.process_time() - started
    return np.asarray(model.predict_proba(split.test_texts)), spent


def line(row: dict[str, Any]) -> str:
    """One line of the table, figures in points."""
    value, low, high = (100 * part for part in row["difference"])
    options = ", ".join(f"{name} {value:g}" for name, value in row["found"].items()) or "the defaults"
    cells = [
        f"`{row['family']}`",
        f"{100 * row['defaults'][0]:.1f}",
        f"{100 * row['searched'][0]:.1f}",
        f"{value:+.1f} [{low:+.1f}, {high:+.1f}]",
        f"{row['search_cpu_seconds']:.0f}",
        f"{row['default_cpu_seconds']:.1f} → {row['train_cpu_seconds']:.1f}",
        options,
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
