"""The evidence of a decision as a compact page of Markdown, for the one who has to answer."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.evaluation.evidence_text import words
from sentiment_lib.records import Answer, Decision
from sentiment_lib.settings import Settings
from sentiment_lib.storage import decisions

FIGURES = (
    ("negative_f1", "F1 of negative tweets"),
    ("negative_recall", "negative tweets found"),
    ("macro_f1", "macro-F1"),
    ("macro_recall", "macro-recall"),
    ("accuracy", "accuracy"),
    ("calibration_error", "calibration error"),
)
WAITS = ("New tweets are scored by both from now on: how they compare there is on the page of the decision, below.", "")
MARKS = {"pass": "✔", "hold": "◐", "reject": "✘"}


def text(connection: Connection, decision: Decision, settings: Settings) -> str:
    """Markdown: the two models side by side, the rules, the hash, and what each answer changes.

    What holds only while it waits for an answer is left out when it does not, or was never asked.
    """
    waits = decision.answer is Answer.PROMOTE and decisions.approval(connection, decision.decision_id) is None
    known = decisions.whole(connection, decision.decision_id)
    evidence = json.loads(known["evidence"])
    compared = evidence["comparison"]
    main = compared["main"]
    candidate, champion = evidence["candidate"], evidence["champion"]
    lines = [
        f"**Version {candidate['version']} ({candidate['family']})** would replace champion "
        f"**{champion['version']} ({champion['family']})** for every tweet scored from then on.",
        "",
        f"Both on the same {evidence['rows']:,} newest labelled tweets, which neither learned from. "
        f"Gain in {_name(main['metric'])}: **{_points(main['difference'])} points** "
        f"({_points(main['low'])} to {_points(main['high'])})." + _searched(candidate.get("search")),
        "",
        "| figure | champion | candidate |",
        "|---|---:|---:|",
        *(
            f"| {label} | {_percent(compared['champion'][key])} | {_percent(compared['candidate'][key])} |"
            for key, label in FIGURES
        ),
        "",
        "| rule | | why |",
        "|---|---|---|",
        *(f"| {_cell(rule.rule)} | {MARKS[rule.verdict]} | {_cell(rule.reason)} |" for rule in decision.rules),
        "",
        _cost_of_waiting(compared),
        "",
        *(WAITS if waits else ()),
        (
            f"Expires {known['decided_at'] + settings.policy.approval.expires_after:%Y-%m-%d %H:%M} UTC. "
            if waits
            else ""
        )
        + f"Look {evidence['looks_before'] + 1} at this champion. Evidence `{decision.evidence_hash}`. "
        f"[Decision {decision.decision_id}](/sentiment/decisions/{decision.decision_id})",
    ]
    return "\n".join(lines)


def _searched(search: dict[str, Any] | None) -> str:
    if not search:
        return ""
    return f" Its options are the best of {search['configurations']} sets that were tried on its training rows."


def _cost_of_waiting(compared: dict[str, Any]) -> str:
    cells = compared["cells"][0]
    worse = sum(cells[0][1:]) if cells else 0
    better = sum(row[0] for row in cells[1:])
    total = sum(map(sum, cells))
    return (
        f"Keeping the champion means: of {total} negative tweets here the candidate finds {better} that the champion "
        f"misses, and misses {worse} that it finds."
    )


def _name(metric: str) -> str:
    return dict(FIGURES).get(metric, metric)


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _cell(text: str) -> str:
    """In words, and so that an airline's name from a data set does not break the table."""
    return words(text).replace("|", "\\|").replace("\n", " ")
