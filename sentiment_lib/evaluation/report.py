"""A decision's evidence for people: a compact Markdown table for the approval, a self-contained HTML page to open.

Both read the evidence as it was hashed (parsed canonical JSON), so that what is shown is what was decided on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Evidence = Mapping[str, Any]

MARKS = {"pass": "✓", "hold": "…", "reject": "✗"}
METRICS = ("negative_f1", "negative_recall", "macro_f1", "macro_recall", "accuracy", "calibration_error")


def markdown(evidence: Evidence, *, evidence_hash: str | None = None) -> str:
    """Answer, figures of both models, and the rules; a few dozen lines.

    evidence: "comparison" (Comparison.as_dict), "rules" and "answer", and "candidate"/"champion" with "version" and
    "family" where known.
    """
    found = evidence["comparison"]
    old_name, new_name = (f"{which}{_version(evidence, which)}" for which in ("champion", "candidate"))
    lines = [
        f"**{evidence['answer']}** on {found['rows']} holdout rows. {summary(evidence)}",
        "",
        f"| figure, % | {old_name} | {new_name} | change |",
        "|---|---:|---:|---:|",
    ]
    for name in METRICS:
        old, new = found["champion"][name], found["candidate"][name]
        lines.append(f"| {_words(name)} | {100 * old:.1f} | {100 * new:.1f} | {100 * (new - old):+.1f} |")
    lines += ["", "| | rule | what was found |", "|---|---|---|"]
    for rule in evidence["rules"]:
        lines.append(f"| {MARKS[rule['verdict']]} | {_cell(rule['rule'])} | {_cell(rule['reason'])} |")
    lines += ["", costs_of_waiting(evidence)]
    if evidence_hash:
        lines += ["", f"Evidence `{evidence_hash}`"]
    return "\n".join(lines)


def summary(evidence: Evidence) -> str:
    """One sentence: the gain on the main metric, its bounds, and what it may have been by luck."""
    main = evidence["comparison"]["main"]
    return (
        f"{_words(main['metric'])} {100 * main['difference']:+.1f} points "
        f"({100 * main['low']:+.1f} to {100 * main['high']:+.1f}), p = {main['p_value']:.2g} "
        f"of the {main['level']:.2g} that this look may spend."
    )


def costs_of_waiting(evidence: Evidence) -> str:
    """What changes with a promotion, and what more labels would decide."""
    found = evidence["comparison"]
    cells = found["cells"]
    moved = sum(cells[y][a][b] for y in range(3) for a in range(3) for b in range(3) if a != b)
    share = 100 * moved / found["rows"]
    needed = found["labels_needed"]
    labels = ", ".join(f"{name}: {rows:,}" for name, rows in needed.items() if name != "observed" and rows)
    right, wrong = found["mcnemar"]["only_candidate_right"], found["mcnemar"]["only_champion_right"]
    return (
        f"A promotion changes the label of {share:.1f} % of tweets: {right} of these rows become right, {wrong} wrong. "
        f"Labels that a gain needs to be found 4 times in 5: {labels}."
    )


def html(evidence: Evidence, *, evidence_hash: str | None = None) -> str:
    """The same as a page without scripts or outside files, with a picture of every difference and its bounds."""
    found = evidence["comparison"]
    figures = "".join(
        f"<tr><td>{_words(name)}<td>{100 * found['champion'][name]:.1f}<td>{100 * found['candidate'][name]:.1f}"
        f"<td>{100 * (found['candidate'][name] - found['champion'][name]):+.1f}"
        for name in METRICS
    )
    rules = "".join(
        f"<tr class={escape(rule['verdict'])}><td>{MARKS[rule['verdict']]} {escape(rule['verdict'])}"
        f"<td>{escape(rule['rule'])}<td>{escape(rule['reason'])}"
        for rule in evidence["rules"]
    )
    tail = f"<p>Evidence <code>{escape(evidence_hash)}</code>" if evidence_hash else ""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(str(evidence['answer']))}</title>"
        f"<style>{STYLE}</style><h1>{escape(str(evidence['answer']))}</h1><p>{escape(summary(evidence))}"
        f"<table><caption>Both models on the same {found['rows']} holdout rows, %</caption><tr><th>figure"
        f"<th>champion{_version(evidence, 'champion')}<th>candidate{_version(evidence, 'candidate')}<th>change{figures}"
        f"</table>{_intervals(found)}<table><caption>Rules of the gate</caption><tr><th>verdict<th>rule<th>found"
        f"{rules}</table><p>{escape(costs_of_waiting(evidence))}{tail}</html>"
    )


STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0;width:100%}caption{text-align:left;font-weight:600}"
    "td,th{border-bottom:1px solid #8885;padding:.25rem .5rem;text-align:left}"
    ".reject td:first-child{color:#b3261e}.hold td:first-child{color:#8a5a00}.pass td:first-child{color:#1a6b32}"
    "svg{width:100%;height:auto}text{font:13px system-ui,sans-serif;fill:currentColor}"
    ":root{color-scheme:light dark}"
)


def _intervals(found: Mapping[str, Any]) -> str:
    bars = list(_bars(found))
    reach = max(max(abs(bar["low"]), abs(bar["high"])) for _, bar in bars) or 0.01
    height = 26 * len(bars) + 30

    def x(value: float) -> float:
        return round(480 + 300 * value / reach, 1)

    parts = []
    for row, (name, bar) in enumerate(bars):
        y = 22 + 26 * row
        colour = "#1a6b32" if bar["low"] > 0 else "#b3261e" if bar["high"] < 0 else "#777"
        parts.append(
            f'<text x="0" y="{y + 4}">{escape(name)}</text>'
            f'<line x1="{x(bar["low"])}" x2="{x(bar["high"])}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
            f'<circle cx="{x(bar["difference"])}" cy="{y}" r="5" fill="{colour}"/>'
        )
    label = "Candidate minus champion with bounds, in points"
    return (
        f'<figure><svg viewBox="0 0 800 {height}" role="img" aria-label="{label}">'
        f'<line x1="480" x2="480" y1="8" y2="{height - 22}" stroke="currentColor" stroke-dasharray="3"/>'
        f'{"".join(parts)}<text x="180" y="{height - 4}">{-100 * reach:+.1f}</text>'
        f'<text x="474" y="{height - 4}">0</text><text x="755" y="{height - 4}">{100 * reach:+.1f}</text></svg>'
        f"<figcaption>{label}</figcaption></figure>"
    )


def _bars(found: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for bar in (found["main"], *found["guards"]):
        yield _words(bar["metric"]), bar
    for part in found["slices"]:
        if part["difference"]:
            yield f"slice {part['name']} ({part['rows']} rows)", part["difference"]


def _version(evidence: Evidence, which: str) -> str:
    model = evidence.get(which)
    if not isinstance(model, Mapping) or "version" not in model:
        return ""
    return f" {model['version']} ({escape(str(model.get('family', '?')))})"


def _words(name: str) -> str:
    return name.replace("_f1", " F1").replace("_", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
