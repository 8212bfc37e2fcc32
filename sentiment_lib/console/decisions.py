"""Decision pages: the list, and one decision with its evidence."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from sentiment_lib.console.overview import answer_address
from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import evidence_text
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.significance import Difference
from sentiment_lib.pages.charts.confusion_matrix import confusion_matrices
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.records import LABELS, DecisionRecord
from sentiment_lib.steps.decisions import selection, shadow_comparison
from sentiment_lib.storage import decision_summaries, decisions, deployments, predictions, snapshots
from sentiment_lib.storage.decision_summaries import DecisionSummary

#: Template values of a page whose evidence cannot be parsed.
NO_EVIDENCE: dict[str, Any] = {"sentences": [], "charts": [], "shadow": None}


def rows(connection: Connection, run: str = "") -> list[DecisionSummary]:
    """The newest decisions; if `run` is given, only those of that DAG run of `retrain`."""
    return decision_summaries.newest(connection, requested_by=f"retrain/{run}" if run else None)


def view(connection: Connection, decision_id: int) -> dict[str, Any]:
    """Template values of a decision's page. Raises NotFound for an unknown decision.

    Evidence that was changed after the decision may not parse: the page then shows a warning instead of failing.
    """
    decision = decisions.full_record(connection, decision_id)
    intact = decisions.is_intact(decision)
    evidence = _parse(decision, intact=intact)
    versions = {"candidate": decision.candidate_version, "champion": decision.champion_version}
    return {
        "decision": decision,
        "evidence": evidence,
        "synthetic": snapshots.synthetic_rows(connection, decision.snapshot_id),
        "intact": intact,
        "approval": decisions.approval(connection, decision_id),
        "answer_at": answer_address(decision.requested_by),
        "humanise_metrics": evidence_text.humanise_metrics,
        "verdict_name": evidence_text.verdict_name,
        "deployments": deployments.all_of_decision(connection, decision_id),
        "examples": predictions.disagreements(connection, **versions),
        **(_evidence_values(connection, decision, evidence) if evidence else NO_EVIDENCE),
    }


def _parse(decision: DecisionRecord, *, intact: bool) -> Evidence | None:
    try:
        return Evidence.from_json(decision.evidence)
    except BadInput:
        if intact:
            raise
        return None


def _evidence_values(connection: Connection, decision: DecisionRecord, evidence: Evidence) -> dict[str, Any]:
    compared, gain = evidence.comparison, selection.run(connection, decision)
    return {
        "compared": compared,
        "shadow": shadow_comparison.run(connection, decision),
        "sentences": [
            evidence_text.summary(compared),
            *([evidence_text.selection(gain)] if gain else []),
            *evidence_text.aim_and_budget(evidence),
            evidence_text.effect_of_promotion(compared),
        ],
        "charts": _charts(evidence),
    }


def _charts(evidence: Evidence) -> list[Chart]:
    compared = evidence.comparison
    differences = [compared.main, *compared.guards]
    gains = [_interval(evidence_text.humanise_metrics(difference.metric), difference) for difference in differences]
    title = f"Candidate minus champion, {evidence_text.confidence(compared.main.level)}"
    charts = [intervals(title, gains, axis="difference")]
    slices = [_interval(f"{part.name} ({part.rows})", part.difference) for part in compared.slices if part.difference]
    if slices:
        level = next(part.difference.level for part in compared.slices if part.difference)
        charts.append(intervals(f"By slice, {evidence_text.confidence(level)}", slices, axis="difference"))
    champion, candidate = evidence.champion_confusion.tolist(), evidence.candidate_confusion.tolist()
    names = [str(label) for label in LABELS]
    charts.append(confusion_matrices("Confusion matrix", names, ("champion", champion), ("candidate", candidate)))
    return charts


def _interval(name: str, difference: Difference) -> Interval:
    return Interval(name=name, value=difference.difference, low=difference.low, high=difference.high)
