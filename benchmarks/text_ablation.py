"""Ablation of text normalisation: each step removed if it is in use, added if it is not.

    python -m benchmarks.text_ablation [--data airline|semeval] [--family NAME ...] [--versions] [--quick] [--check]
                                       [--out FOLDER]

--versions measures the normaliser's version against the one before, instead of single steps.
Evaluated on later blocks of the training part, each predicted by a model of the blocks before; the test part is not
used. Differences are in points, with a 95 % paired bootstrap interval. --check fails if a step in use significantly
hurts any family, and if nothing could be measured because the tweets are missing. Writes FOLDER/text_ablation.md.
Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.families import data as families_data
from benchmarks.families.figures import difference
from benchmarks.families.measure import machine, revision
from benchmarks.text_steps import CANDIDATES, STEPS, Step, in_use, variant
from sentiment_lib.families import catalog
from sentiment_lib.text import normalise_1
from sentiment_lib.text.normalise import normalise_2

FAMILIES = ("tfidf_logreg", "count_logreg", "fasttext")
#: Later blocks that are answered for: shares of the training part where each begins and ends.
BLOCKS = ((0.7, 0.85), (0.85, 1.0))
#: Newest rows of the training part that are used: a step's worth needs no more, and time is short.
MOST = 15_000


def main() -> None:
    """Measure every step in every family; exit 1 under --check when a step that is in hurts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("airline", "semeval"), action="append")
    parser.add_argument("--family", nargs="+", default=FAMILIES)
    parser.add_argument("--out", type=Path, default=Path(".local/text_ablation"))
    for name in ("versions", "quick", "check"):
        parser.add_argument(f"--{name}", action="store_true")
    chosen = parser.parse_args()
    sets = [name for name in chosen.data or ("airline", "semeval") if families_data.there(name)]
    if chosen.quick:
        sets = sets[:1] or ["made_up"]
    measure = versions_measured if chosen.versions else measured
    found = [row for name in sets for row in measure(name, chosen.family, quick=chosen.quick)]
    text = "\n".join(markdown(name, [row for row in found if row["data"] == name]) for name in sets)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "text_ablation.md").write_text(text, encoding="utf-8")
    print(text)
    hurts = [
        f"{row['step']} in {row['family']} on {row['data']}" for row in found if row["in"] and row["macro_f1"][2] < 0
    ]
    print(json.dumps({"benchmark": "text_ablation", "rows": found, "hurts": hurts} | where()))
    if not found:
        print("no tweets to measure on: SENTIMENT_BENCHMARK_DATA names their folder", file=sys.stderr)
    raise SystemExit(1 if chosen.check and (hurts or not found) else 0)


def where() -> dict[str, str]:
    """Machine and revision."""
    return {"machine": machine(), "revision": revision()}


def measured(data: str, families: Sequence[str], *, quick: bool) -> list[dict[str, Any]]:
    """A row for each step and family: what the step brings, in points, when it is there."""
    split = families_data.split(data).shortened(1500 if quick else MOST, 1)
    texts, labels = split.train_texts, split.train_labels
    whole = variant()
    rows = []
    for family in families:
        base, truth = _answers(family, texts, labels, whole)
        for name in (*STEPS, *CANDIDATES):
            there = name in STEPS
            step = variant(without=name) if there else variant(more=name)
            other = base if _same(step, whole, texts) else _answers(family, texts, labels, step)[0]
            pair = (other, base) if there else (base, other)
            figures = {metric: difference(truth, *pair, metric) for metric in ("macro_f1", "negative_f1")}
            rows.append({"data": data, "family": family, "step": name, "in": there, **figures})
    cost = {name: _cost(name, whole, texts) for name in (*STEPS, *CANDIDATES)}
    return [row | cost[row["step"]] for row in rows]


def versions_measured(data: str, families: Sequence[str], *, quick: bool) -> list[dict[str, Any]]:
    """A row for each family: what the normaliser's version brings over the one before, in points."""
    split = families_data.split(data).shortened(1500 if quick else MOST, 1)
    texts, labels = split.train_texts, split.train_labels
    rows = []
    begun = time.process_time()
    share = sum(normalise_2(text) != normalise_1.normalise(text) for text in texts) / len(texts)
    cost = {"changed": round(share, 4), "microseconds": round(1e6 * (time.process_time() - begun) / len(texts), 2)}
    for family in families:
        before, truth = _answers(family, texts, labels, normalise_1.normalise)
        after, _ = _answers(family, texts, labels, normalise_2)
        figures = {metric: difference(truth, before, after, metric) for metric in ("macro_f1", "negative_f1")}
        rows.append({"data": data, "family": family, "step": "version 1 to 2", "in": True, **figures, **cost})
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def markdown(data: str, rows: Sequence[dict[str, Any]]) -> str:
    """Two tables, of macro-F1 and of the negative label's F1: steps down, families across."""
    tables = [
        _table(rows, metric, title) for metric, title in (("macro_f1", "macro-F1"), ("negative_f1", "negative F1"))
    ]
    return "\n".join([f"### {data}", "", *tables])


def _table(rows: Sequence[dict[str, Any]], metric: str, title: str) -> str:
    families = list(dict.fromkeys(row["family"] for row in rows))
    lines = [
        f"{title}:",
        "",
        f"| step | texts changed | µs a text | {' | '.join(f'`{name}`' for name in families)} |",
    ]
    lines.append("|---|---|---|" + "---|" * len(families))
    for name in dict.fromkeys(row["step"] for row in rows):
        of_step = {row["family"]: row for row in rows if row["step"] == name}
        first = next(iter(of_step.values()))
        shown = [_interval(of_step[family][metric]) for family in families]
        step = name if first["in"] else f"*{name}*"
        lines.append(f"| {step} | {100 * first['changed']:.1f} % | {first['microseconds']:.1f} | {' | '.join(shown)} |")
    return "\n".join([*lines, ""])


def _answers(family: str, texts: Sequence[str], labels: np.ndarray, step: Step) -> tuple[np.ndarray, np.ndarray]:
    """Answers to all blocks, and their labels."""
    answers, truth = [], []
    for begin, end in ((int(a * len(texts)), int(b * len(texts))) for a, b in BLOCKS):
        with in_use(step):
            model = catalog.train(family, texts[:begin], labels[:begin].tolist(), seed=0)
            answers.append(model.predict_proba(texts[begin:end]).argmax(axis=1))
        truth.append(labels[begin:end])
    return np.concatenate(answers), np.concatenate(truth)


def _same(step: Step, other: Step, texts: Sequence[str]) -> bool:
    return all(step(text) == other(text) for text in texts)


def _cost(name: str, whole: Step, texts: Sequence[str]) -> dict[str, float]:
    changed = variant(without=name) if name in STEPS else variant(more=name)
    step = STEPS.get(name) or CANDIDATES[name]
    begun = time.process_time()
    for text in texts:
        step(text)
    spent = time.process_time() - begun
    share = sum(changed(text) != whole(text) for text in texts) / len(texts)
    return {"changed": round(share, 4), "microseconds": round(1e6 * spent / len(texts), 2)}


def _interval(figure: Sequence[float]) -> str:
    value, low, high = (100 * one for one in figure)
    return f"{value:+.2f} ({low:+.2f} to {high:+.2f})"


if __name__ == "__main__":
    main()
