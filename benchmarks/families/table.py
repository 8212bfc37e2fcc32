"""The table of families as Markdown, and its plot: quality against cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.families.figures import SHOWN

TITLES = {
    "airline": "US airline week: trained through 22 February 2015, tested on 23 and 24",
    "semeval": "SemEval 2011 to 2015: trained on the earliest 90 %, tested on the latest 10 %",
    "tweeteval": "All of SemEval 2013 to 2016, tested on TweetEval's validation set",
    "airline_random": "The same airline tweets split at random, which flatters: no model will meet such a test",
    "made_up": "Made-up sentences (no data on this machine): the figures mean nothing",
}
HEADS = ("accuracy", "macro-F1", "macro-recall", "negative F1", "ECE")


def markdown(data: str, rows: Sequence[dict[str, Any]], published: Sequence[str]) -> str:
    """One set: quality in per cent with 95 % intervals, cost, the published figures below."""
    done = sorted((row for row in rows if "macro_f1" in row), key=lambda row: -row["macro_f1"][0])
    lines = [f"## {TITLES[data]}", ""]
    if done:
        learned, tested = done[0]["rows"]
        lines += [f"{learned:,} tweets learned from, {tested:,} tested on.", ""]
    lines += ["| family | " + " | ".join(HEADS) + " |", "|---|" + "---|" * len(HEADS)]
    for row in done:
        lines.append(f"| `{row['name']}` | " + " | ".join(_interval(row[name]) for name in SHOWN) + " |")
    lines += [
        "",
        "| family | train s (wall) | train s (CPU) | p50 ms | p99 ms | tweets/s | MB | peak MB |",
        "|---|" + "---|" * 7,
    ]
    for row in done:
        cost = (row["train_wall_s"], row["train_cpu_s"], row["p50_ms"], row["p99_ms"])
        tail = (f"{row['batch_per_s']:,}", row["artefact_mb"], row["peak_mb"])
        lines.append(f"| `{row['name']}` | " + " | ".join(str(value) for value in (*cost, *tail)) + " |")
    lines += ["", *(f"Not run: `{row['name']}`: {row['not_run']}" for row in rows if "not_run" in row)]
    if published:
        lines += ["", "Published figures:", "", *(f"- {line}" for line in published)]
    return "\n".join(lines) + "\n"


def frontier(data: str, rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Macro-F1 against CPU seconds of training and against the median answer; the line joins the best for the cost."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    done = sorted((row for row in rows if "macro_f1" in row), key=lambda row: -row["macro_f1"][0])
    figure, axes = plt.subplots(1, 2, figsize=(13, 6), sharey=True, layout="constrained")
    for axis, (key, label) in zip(
        axes, (("train_cpu_s", "CPU seconds to train"), ("p50_ms", "ms a tweet, median")), strict=True
    ):
        points = sorted((max(row[key], 1e-3), 100 * row["macro_f1"][0]) for row in done)
        for place, row in enumerate(done, 1):
            cost, (quality, low, high) = max(row[key], 1e-3), (100 * value for value in row["macro_f1"])
            interval = [[quality - low], [high - quality]]
            named = f"{place:>2}  {row['name']}  {quality:.1f}"
            axis.errorbar(cost, quality, yerr=interval, fmt="o", color=f"C{place % 10}", capsize=2, lw=0.8, label=named)
            # neighbours in quality are neighbours in place: turn and turn about they do not cover each other
            beside, side = (5, "left") if place % 2 else (-5, "right")
            axis.annotate(str(place), (cost, quality), (beside, 3), textcoords="offset points", ha=side, fontsize=9)
        best = [
            (cost, quality)
            for place, (cost, quality) in enumerate(points)
            if quality >= max(other for _, other in points[: place + 1])
        ]
        axis.plot(*zip(*best, strict=True), color="#cc6677", lw=1, zorder=0)
        axis.set_xscale("log")
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    axes[0].set_ylabel("macro-F1, per cent, 95 % interval")
    figure.suptitle(TITLES[data])
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def _interval(value: Sequence[float]) -> str:
    here, low, high = (100 * one for one in value)
    return f"**{here:.1f}** {low:.1f}–{high:.1f}"
