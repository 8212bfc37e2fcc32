"""Request approval for the best PROMOTE of a retrain, and supersede older requests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.records import Answer, ApprovalResponse, DecisionRecord
from sentiment_lib.registry.mlflow_registry import CHALLENGER, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import approval_summary, selection, watch_power
from sentiment_lib.storage import approval_requests, decisions, forged_records, model_versions, snapshots
from sentiment_lib.storage.engine import Store, lock


@dataclass(frozen=True, kw_only=True)
class ApprovalRequest:
    """A pending approval as shown to the approvers."""

    decision_id: int
    evidence_hash: str
    candidate_version: int
    #: Markdown: metrics, rules and what a response changes
    body: str
    #: runs whose older requests this one replaces
    superseded: tuple[str, ...]


def run(
    store: Store,
    settings: Settings,
    *,
    decision_ids: Sequence[int],
    requested_by: str,
    people: Collection[str] = frozenset(),
) -> ApprovalRequest | None:
    """The request for the best PROMOTE among these decisions; None when there is none, or it was superseded.

    Every other pending PROMOTE is voided, and the alias `challenger` moves to the candidate. Idempotent: a repeated
    call returns the same request. Raises NotFound for an unknown decision.

    people: who triggered or cleared the run, or gave the command; recorded in the ledger, and may not approve.
    """
    registry = Registry(settings)
    with store.begin() as connection:
        lock(connection, "champion")
        records = [
            decisions.full_record(connection, number) for number in decision_ids if _is_recorded(connection, number)
        ]
        promotable = [decision for decision in records if decision.verdict is Answer.PROMOTE]
        if not promotable:
            return None
        best = max(promotable, key=_rank)
        superseded = _supersede(connection, best, requested_by)
        champion = model_versions.champion(connection)
        serving = champion.version if champion else None
        if serving != best.champion_version and decisions.approval(connection, best.decision_id) is None:
            _void(connection, best.decision_id, f"the champion is version {serving} by now")
        approval = decisions.approval(connection, best.decision_id)
        if approval and approval.response == "void":
            return None
        synthetic = snapshots.synthetic_rows(connection, best.snapshot_id)
        body = approval_summary.summarise(
            best,
            settings.policy.approval,
            approval,
            synthetic,
            selection.run(connection, best),
            watch_power.run(connection, Evidence.from_json(best.evidence), settings.policy.promotion_watch),
        )
        if approval is None:
            approval_requests.store_request(connection, best, people)
    if approval is None:
        with store.exclusive("alias"):
            registry.set_alias(CHALLENGER, best.candidate_version)
    return ApprovalRequest(
        decision_id=best.decision_id,
        evidence_hash=best.evidence_hash,
        candidate_version=best.candidate_version,
        body=body,
        superseded=superseded,
    )


def of_run(
    store: Store, settings: Settings, *, requested_by: str, people: Collection[str] = frozenset()
) -> ApprovalRequest | None:
    """The request of this run, with its decisions looked up in the database; see `run`."""
    with store.begin() as connection:
        decision_ids = decisions.ids_of_request(connection, requested_by)
    return run(store, settings, decision_ids=decision_ids, requested_by=requested_by, people=people)


def record_requester(store: Store, settings: Settings, *, decision_id: int, people: Collection[str]) -> None:  # noqa: ARG001
    """Record who asked for a decision that can be approved, unless that is recorded already."""
    with store.begin() as connection:
        decision = decisions.full_record(connection, decision_id)
        if decision.verdict is Answer.PROMOTE:
            approval_requests.store_request(connection, decision, people)


def closed(store: Store, settings: Settings) -> list[str]:
    """Runs whose requests are closed and may still be shown in Airflow.

    A run whose worse candidate is closed while the better one awaits a response is not among them. A response on the
    command line closes the request of a run as well: the run then goes on by what the database says.
    Two runs that request approval within the same second can miss each other: the older request appears after the
    newer run looked for it.
    """
    with store.begin() as connection:
        waiting = {pending.requested_by for pending in decisions.waiting(connection)}
        closed = decisions.closed_since(connection, clock.now() - settings.policy.approval.expires_after)
    return [run for run in closed if run not in waiting]


def _is_recorded(connection: Connection, decision_id: int) -> bool:
    """Whether the platform recorded this decision; another one is reported and left out."""
    problem = forged_records.find_fault(connection, "decision", decision_id)
    if problem:
        forged_records.report(connection, problem)
    return problem is None


def _rank(decision: DecisionRecord) -> tuple[float, int]:
    """The candidate's main metric on the holdout; ties go to the newer decision."""
    evidence = Evidence.from_json(decision.evidence)
    return evidence.comparison.candidate[evidence.metric], decision.decision_id


def _supersede(connection: Connection, best: DecisionRecord, requested_by: str) -> tuple[str, ...]:
    """Void every older pending request; returns the other runs that made one."""
    others = []
    for pending in decisions.waiting(connection):
        same_run = pending.requested_by == requested_by
        if pending.decision_id != best.decision_id and (pending.decision_id < best.decision_id or same_run):
            better = "a better candidate of the same run" if same_run else f"the newer decision {best.decision_id}"
            _void(connection, pending.decision_id, f"superseded by {better}")
            if not same_run:
                others.append(pending.requested_by)
    return tuple(dict.fromkeys(others))


def _void(connection: Connection, decision_id: int, reason: str) -> None:
    decision = decisions.by_id(connection, decision_id)
    response = ApprovalResponse(
        decision_id=decision_id, response="void", reason=reason, evidence_hash=decision.evidence_hash
    )
    decisions.store_approval(connection, response)
