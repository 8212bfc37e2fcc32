"""The list of decisions, and one of them with its evidence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from sqlalchemy import Connection

from sentiment_lib.console.overview import answer_address
from sentiment_lib.evaluation import evidence_text
from sentiment_lib.hashing import hash_text
from sentiment_lib.pages.charts.confusion_matrix import confusion_matrices
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.records import LABELS
from sentiment_lib.statistics import paired_counts
from sentiment_lib.steps.decisions import shadow_comparison
from sentiment_lib.storage import decisions, deployments, predictions
from sentiment_lib.storage.decisions import DecisionSummary


def rows(connection: Connection, run: str = "") -> list[DecisionSummary]:
    """The newest decisions; with a run of the DAG retrain, its own."""
    return decisions.newest_summaries(connection, requested_by=f"retrain/{run}" if run else None)


def view(connection: Connection, decision_id: int) -> dict[str, Any]:
    """One decision; NotFound when there is none."""
    known, decision = decisions.whole(connection, decision_id), decisions.by_id(connection, decision_id)
    evidence = json.loads(known["evidence"])
    compared = evidence["comparison"]
    versions = {"candidate": known["candidate_version"], "champion": known["champion_version"]}
    return {
        "decision": decision,
        "known": known,
        "evidence": evidence,
        "compared": compared,
        "intact": hash_text(known["evidence"]) == known["evaluation_hash"] == decision.evidence_hash,
        "approval": decisions.approval(connection, decision_id),
        "answer_at": answer_address(known["requested_by"]),
        "words": evidence_text.words,
        "deployments": deployments.all_of_decision(connection, decision_id),
        "examples": predictions.disagreements(connection, **versions),
        "shadow": shadow_comparison.run(connection, decision_id),
        "sentences": [evidence_text.summary(evidence), evidence_text.costs_of_waiting(evidence)],
        "charts": _charts(compared),
    }


def _charts(compared: dict[str, Any]) -> list[Chart]:
    differences = [compared["main"], *compared["guards"]]
    gains = [_interval(evidence_text.words(one["metric"]), one) for one in differences]
    drawn = [intervals("Candidate minus champion, with intervals", gains, axis="difference")]
    slices = [
        _interval(f"{one['name']} ({one['rows']})", one["difference"])
        for one in compared["slices"]
        if one["difference"]
    ]
    if slices:
        drawn.append(intervals("By slice", slices, axis="difference"))
    champion, candidate = (counts.tolist() for counts in paired_counts.confusion_matrices(np.array(compared["cells"])))
    names = [str(label) for label in LABELS]
    drawn.append(confusion_matrices("Confusion matrix", names, ("champion", champion), ("candidate", candidate)))
    return drawn


def _interval(name: str, difference: dict[str, Any]) -> Interval:
    return Interval(name=name, value=difference["difference"], low=difference["low"], high=difference["high"])
