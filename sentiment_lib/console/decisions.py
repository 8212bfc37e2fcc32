"""Decision pages: the list, and one decision with its evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.airflow_client import task_path
from sentiment_lib.console import decision_outcome, verdict
from sentiment_lib.console.overview import answer_address
from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation import evidence_text
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.pages.charts.confusion_matrix import confusion_matrix
from sentiment_lib.policy import Policy
from sentiment_lib.records import LABELS, DecisionRecord
from sentiment_lib.steps.decisions import selection, shadow_comparison
from sentiment_lib.steps.labelling import source_agreement
from sentiment_lib.storage import (
    approval_audit,
    decision_summaries,
    decisions,
    deployments,
    model_versions,
    predictions,
    snapshots,
)
from sentiment_lib.storage.approval_requests import of_airflow
from sentiment_lib.storage.decision_summaries import DecisionSummary
from sentiment_lib.storage.page import Page

#: Decisions on a page of the list.
ROWS = 100
#: Task of the DAG that asks.
TASK = "approval"
#: Template values of a page whose evidence cannot be parsed.
NO_EVIDENCE: dict[str, Any] = {"sentence": "", "notes": [], "metrics": [], "charts": {}, "shadow": None}


def page(connection: Connection, run: str = "", before: int | None = None) -> Page[DecisionSummary]:
    """Decisions with ids below `before`, newest first; if `run` is given, only those of that DAG run of `retrain`."""
    return decision_summaries.page(connection, ROWS, before=before, requested_by=f"retrain/{run}" if run else None)


def view(connection: Connection, policy: Policy, decision_id: int, *, person: str) -> dict[str, Any]:
    """Template values of a decision's page for this person. Raises NotFound for an unknown decision.

    Evidence that was changed after the decision may not parse: the page then shows a warning instead of failing.
    """
    decision = decisions.full_record(connection, decision_id)
    intact = decisions.is_intact(decision)
    evidence = _parse(decision, intact=intact)
    versions = {"candidate": decision.candidate_version, "champion": decision.champion_version}
    rules = verdict.rule_groups(decision.rules, evidence.comparison if evidence else None)
    approval = decisions.approval(connection, decision_id)
    answer_at = answer_address(decision.requested_by)
    champion = model_versions.champion(connection)
    return {
        "decision": decision,
        "evidence": evidence,
        "headline": verdict.headline(decision.verdict, evidence.comparison if evidence else None),
        "rules": rules,
        "synthetic": snapshots.synthetic_rows(connection, decision.snapshot_id),
        "intact": intact,
        "approval": approval,
        "serving": champion.version if champion else None,
        # Airflow keeps only what was answered in its own form, and lets nobody answer there in another's name
        "answered_outside_airflow": bool(
            approval and answer_at and approval_audit.channel(connection, approval) == approval_audit.COMMAND_LINE
        ),
        "answer_at": answer_at,
        "answer_to": answer_endpoint(decision.requested_by) if intact else None,
        "may_answer": person in policy.approval.approvers,
        "approvers": policy.approval.approvers,
        "shortest_reason": policy.approval.shortest_reason,
        "humanise_metrics": evidence_text.humanise_metrics,
        "deployments": deployments.all_of_decision(connection, decision_id),
        "sources": source_agreement.run(connection),
        **examples(connection, **versions, since=decision.decided_at),
        **(_evidence_values(connection, decision, evidence, rules) if evidence else NO_EVIDENCE),
        **(decision_outcome.view(connection, decision, policy) if evidence else {"outcome": None}),
    }


def examples(connection: Connection, *, champion: int, candidate: int, since: datetime) -> dict[str, Any]:
    """Newer tweets on which the versions differ; without any, earlier ones, of which it may have learned some."""
    newer = predictions.disagreements(connection, champion=champion, candidate=candidate, since=since)
    if newer:
        return {"examples": newer, "earlier_examples": False}
    earlier = predictions.newest_disagreements(connection, champion=champion, candidate=candidate)
    return {"examples": earlier, "earlier_examples": bool(earlier)}


def answer_endpoint(requested_by: str) -> str | None:
    """Airflow's endpoint for the response to this request; None for requests from the command line."""
    if not of_airflow(requested_by):
        return None
    dag_id, _, run_id = requested_by.partition("/")
    return f"/api/v2{task_path(dag_id, run_id, TASK)}/-1/hitlDetails"


def _parse(decision: DecisionRecord, *, intact: bool) -> Evidence | None:
    try:
        return Evidence.from_json(decision.evidence)
    except BadInput:
        if intact:
            raise
        return None


def _evidence_values(
    connection: Connection, decision: DecisionRecord, evidence: Evidence, rules: dict[str, list[verdict.RuleRow]]
) -> dict[str, Any]:
    compared, gain = evidence.comparison, selection.run(connection, decision)
    names = [str(label) for label in LABELS]
    champion, candidate = evidence.champion_confusion.tolist(), evidence.candidate_confusion.tolist()
    return {
        "sentence": verdict.sentence(evidence, rules),
        "notes": [
            *([evidence_text.selection(gain)] if gain else []),
            *evidence_text.aim_and_budget(evidence),
            evidence_text.effect_of_promotion(compared),
        ],
        "metrics": verdict.metric_rows(compared),
        "shadow": shadow_comparison.run(connection, decision),
        "charts": {
            "gain": verdict.gain_chart(compared, decision.rules),
            "slices": verdict.slice_chart(compared),
            "confusion": [
                confusion_matrix(f"Confusion matrix of the {name}", names, matrix)
                for name, matrix in (("champion", champion), ("candidate", candidate))
            ],
        },
    }
