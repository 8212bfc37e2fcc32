"""Every family on the same tweets, split by time: quality with intervals, training and prediction time, size.

    python -m benchmarks.families [--data airline|semeval|tweeteval] [--family NAME ...] [--quick] [--check]
                                  [--out FOLDER] [--again]

Each family trains in its own process with one thread. Results stay in FOLDER as JSON, so that an interrupted run
continues; --again measures anew. Writes FOLDER/families.md and FOLDER/families.png. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.families import data as families_data
from benchmarks.families import table as families_table
from benchmarks.families.bounds import PUBLISHED, checks
from benchmarks.families.measure import Row, slug
from sentiment_lib.families.catalog import CATALOG

#: Families of the short form, with their options: the cheap ones, and one network that goes as far as its ONNX graph.
QUICK: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("vader", "textblob", "count_logreg", "tfidf_logreg", "fasttext")},
    "bert": {"consistency": 0},
}
#: Those that cost most come last, so that a broken-off run has the others.
ORDER = sorted(CATALOG, key=lambda name: (CATALOG[name].fine_tunable, name == "stack"))
#: Trainings of bert besides the one with seed 0: what luck alone does to a figure.
SEEDS = (1, 2)
SHOWN = ("airline", "semeval", "tweeteval")


def rows(data: str) -> list[Row]:
    """Every line of one set's table."""
    every = [Row(family=name, data=data, options=LARGE.get(data, {}).get(name, {})) for name in ORDER]
    if data == "airline":
        every += [Row(family="bert", data=data, variant=f"seed {seed}", seed=seed) for seed in SEEDS]
        every.append(Row(family="bert", data=data, variant="SemEval first", first="semeval_before_airline"))
        every.append(Row(family="stack", data=data, variant="with bert", options=with_network("bert")))
        every.append(Row(family="stack", data=data, variant="with mpnet", options=with_network("mpnet")))
        one_fold = with_network("mpnet") | {"folds": 1, "member_options": {"mpnet": PLAIN}}
        every.append(Row(family="stack", data=data, variant="with mpnet, one fold", options=one_fold))
    if data in TAUGHT:
        every.append(Row(family="bert", data=data, variant="taught by mpnet", teacher="mpnet", options=TAUGHT[data]))
    return every


def with_network(name: str) -> dict[str, Any]:
    """Options of a stack of that network and cheap families; without folds the network is trained once."""
    return {"members": [name, "tfidf_logreg", "fasttext", "use_logreg"], "folds": 0}


#: One look at each row: with two a training would cost more than an hour.
PLAIN = {"consistency": 0}
TAUGHT: dict[str, dict[str, Any]] = {"airline": {"distillation": 0.5}, "tweeteval": {"distillation": 0.5, "epochs": 1}}
#: Less work on four times as many tweets: the table is to compare families, not to take an afternoon.
LARGE: dict[str, dict[str, dict[str, Any]]] = {
    "semeval": {"bert": {"epochs": 1}, "mpnet": PLAIN},
    "tweeteval": {"mpnet": PLAIN},
}


def main() -> None:
    """Measure what is asked and missing, then write table and picture; exit 1 under --check when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=SHOWN, action="append")
    parser.add_argument("--family", nargs="+", help="rows of the table, such as bert or 'bert (SemEval first)'")
    parser.add_argument("--out", type=Path, default=Path(".local/families"))
    for name in ("quick", "check", "again"):
        parser.add_argument(f"--{name}", action="store_true")
    chosen = parser.parse_args()
    wanted = _wanted(chosen.data, chosen.family, quick=chosen.quick)
    chosen.out.mkdir(parents=True, exist_ok=True)
    failed = [row.name for row in wanted if not measured(row, chosen.out, again=chosen.again)]
    found = results(chosen.out, quick=chosen.quick)
    text = report(found, chosen.out)
    print(text)
    judged = [] if chosen.quick else checks(found)
    for what, figure, sign, bound, holds in judged:
        print(f"{'holds ' if holds else 'MISSED'}  {what}: {figure:.4g} {sign} {bound}")
    missed = [what for what, *_, holds in judged if not holds]
    summary = {f"{row['data']}/{row['name']}": row["macro_f1"][0] for row in found if "macro_f1" in row}
    print(json.dumps({"benchmark": "families", "macro_f1": summary, "missed": missed, "failed": failed}))
    raise SystemExit(1 if failed or (chosen.check and missed) else 0)


def measured(row: Row, out: Path, *, again: bool = False) -> bool:
    """Whether the row's figures are there, after measuring them when they were not."""
    result = out / f"{slug(row.data, row.name, quick=row.quick)}.json"
    if result.is_file() and not again:
        return True
    if row.teacher and not measured(next(one for one in rows(row.data) if one.name == row.teacher), out):
        return False
    command = [sys.executable, "-m", "benchmarks.families.measure", json.dumps(asdict(row)), str(result)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, env=os.environ | threads, check=False)
    if done.returncode:
        print(f"{row.name} on {row.data} failed", file=sys.stderr)
    return done.returncode == 0


def results(out: Path, *, quick: bool = False) -> list[dict[str, Any]]:
    """What was measured, in this run or before."""
    found = [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]
    return [row for row in found if row["quick"] == quick]


def report(found: Sequence[dict[str, Any]], out: Path) -> str:
    """The tables of all sets; the picture is of the airline's, or of the first there is."""
    sets = [name for name in families_table.TITLES if any(row["data"] == name for row in found)]
    parts = []
    for name in sets:
        of_this = [row for row in found if row["data"] == name]
        parts.append(families_table.markdown(name, of_this, PUBLISHED.get(name, [])))
        if name == sets[0] and any("macro_f1" in row for row in of_this):
            families_table.frontier(name, of_this, out / "families.png")
    text = "\n".join(parts)
    (out / "families.md").write_text(text, encoding="utf-8")
    return text


def _wanted(data: Sequence[str] | None, names: Sequence[str] | None, *, quick: bool) -> list[Row]:
    if quick:
        sets = [name for name in data or ("airline",) if families_data.there(name)] or ["made_up"]
        return [
            Row(family=name, data=one, options=QUICK.get(name, {}), quick=True)
            for one in sets
            for name in names or QUICK
        ]
    every = [row for one in data or ("airline", "semeval") for row in rows(one)]
    if data is None or "airline" in data:
        every.append(Row(family="tfidf_logreg", data="airline_random"))
    return [row for row in every if names is None or row.name in names]


if __name__ == "__main__":
    main()
