"""The approval of a run according to the database, independent of the task states in Airflow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.errors import ApprovalIncomplete
from sentiment_lib.policy import ApprovalPolicy
from sentiment_lib.records import UNKNOWN, Answer, Approval, ApprovalResponse, Decision, Severity
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import approval_rights, record_approval
from sentiment_lib.storage import (
    approval_audit,
    approval_requests,
    approval_votes,
    decision_summaries,
    decisions,
    ledger,
    recorded_facts,
)
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.decisions import FORGED_APPROVAL
from sentiment_lib.storage.engine import Store, lock

UNANSWERED = "nobody answered: the approval was marked as done by hand"


def run(store: Store, settings: Settings, *, requested_by: str) -> int | None:
    """Id of the approved decision of this run; None when it was rejected, expired or void.

    Call it after the approval task has ended. If no response is recorded then, someone changed the task state by hand:
    the decision is voided, with a row in the ledger and a critical alert. An approval without a signed row, or by
    somebody whom the decision's policy does not allow, is reported in the same way and counts for nothing.

    Raises ApprovalIncomplete when the quorum was lowered after the decision, so that its run asked too few people.
    """
    with store.begin() as connection:
        lock(connection, "champion")
        decision_id = find_decision_id(connection, requested_by)
        if decision_id is None:
            return None
        approval = decisions.approval(connection, decision_id)
        if approval is None:
            _require_quorum(connection, settings.policy.approval, decision_id)
            forged = _void_forged(connection, decision_id, requested_by)
        elif problem := approval_audit.invalidity(connection, approval):
            _report_forged(connection, decision_id, requested_by, problem)
            return None
    if approval is None:
        record_approval.drop_challenger_alias(store, settings, forged.candidate_version)
        return None
    return decision_id if approval.response == "approved" else None


def find_response(store: Store, settings: Settings, *, requested_by: str) -> Approval | None:  # noqa: ARG001
    """The recorded response to the request of this run; None while there is none."""
    with store.begin() as connection:
        decision_id = find_decision_id(connection, requested_by)
        return None if decision_id is None else decisions.approval(connection, decision_id)


def find_decision(
    store: Store,
    settings: Settings,  # noqa: ARG001
    *,
    requested_by: str,
    decision_id: int | None = None,
) -> Decision | None:
    """The decision with this id, or else the one for which this run requests approval.

    None when none of its decisions is a PROMOTE. Raises NotFound for an unknown id.
    """
    with store.begin() as connection:
        decision_id = decision_id or find_decision_id(connection, requested_by)
        return None if decision_id is None else decisions.by_id(connection, decision_id)


@dataclass(frozen=True, kw_only=True)
class Respondents:
    """People whom Airflow lets answer a request, and when it expires."""

    people: tuple[str, ...]
    expires_at: datetime
    #: Markdown for them: who may promote, and who only reject
    note: str


def respondents(store: Store, settings: Settings, *, requested_by: str) -> Respondents:
    """People whom Airflow lets answer the request of this run now.

    Without those who have approved; when as many approvals are missing as lists, only members of these lists.
    """
    policy, now = settings.policy.approval, clock.now()
    with store.begin() as connection:
        found = find_decision_id(connection, requested_by)
        if found is None:
            return Respondents(people=policy.approvers, expires_at=now + policy.expires_after, note="")
        decision = decisions.full_record(connection, found)
        policy = approval_rights.in_force(policy, decision)
        votes = approval_votes.of_decision(connection, found)
        given = {vote.principal for vote in votes} | {vote.answered_by for vote in votes}
        principals = [name for name in policy.approvers_after(now - decision.decided_at) if name not in given]
        missing = approval_rights.unmet_lists(policy, votes)
        if missing and len(missing) == policy.quorum - len(votes):
            members = {member for name in missing for member in policy.lists[name]}
            principals = [name for name in principals if name in members]
        delegates = [
            one.delegate for one in approval_votes.active_delegations(connection, now) if one.principal in principals
        ]
        requesters = approval_requests.recorded_requesters(connection, found) or set()
    people = tuple(dict.fromkeys([*principals, *(name for name in delegates if name not in given)]))
    note = _note(people, set() if policy.self_approval else requesters)
    return Respondents(people=people, expires_at=decision.decided_at + policy.expires_after, note=note)


def _note(people: Sequence[str], requesters: Collection[str]) -> str:
    """Who may promote, and who only reject because they asked for the promotion."""
    if UNKNOWN in requesters:
        return "Nobody may promote: Airflow does not say who asked for it. Reject it, and start a new run."
    others = ", ".join(name for name in people if name not in requesters) or "nobody"
    asked = ", ".join(name for name in people if name in requesters)
    return f"May promote: {others}." + (f" May only reject, having asked for it: {asked}." if asked else "")


def _require_quorum(connection: Connection, today: ApprovalPolicy, decision_id: int) -> None:
    """Raise ApprovalIncomplete when fewer people were asked than the decision's policy wants, and some approved."""
    needed = approval_rights.in_force(today, decisions.full_record(connection, decision_id)).quorum
    given = len(approval_votes.of_decision(connection, decision_id))
    if given and today.quorum < needed:
        raise ApprovalIncomplete(decision=decision_id, given=given, needed=needed)


def find_decision_id(connection: Connection, requested_by: str) -> int | None:
    """Id of the run's recorded PROMOTE without a response; else of one with a response; of a superseded one at last."""
    promotions = [
        decision
        for decision in decision_summaries.of_request(connection, requested_by)
        if decision.verdict == Answer.PROMOTE and recorded_facts.is_signed(connection, "decision", decision.decision_id)
    ]
    promotions.sort(key=lambda decision: (decision.approval is None, decision.approval != "void", decision.decision_id))
    return promotions[-1].decision_id if promotions else None


def _report_forged(connection: Connection, decision_id: int, requested_by: str, problem: str) -> None:
    """Report an approval in the table that does not count: an alert and a ledger row, once."""
    facts = {"decision_id": decision_id, "requested_by": requested_by, "reason": problem}
    _alert(connection, decision_id, f"{requested_by}: {problem}. Nothing was promoted.")
    if ledger.find_genuine(connection, FORGED_APPROVAL, facts) is None:
        ledger.append(connection, FORGED_APPROVAL, facts)


def _alert(connection: Connection, decision_id: int, body: str) -> None:
    open_alert(
        connection,
        kind=FORGED_APPROVAL,
        severity=Severity.CRITICAL,
        dedup_key=f"{FORGED_APPROVAL}/{decision_id}",
        title=f"The approval of decision {decision_id} was forged",
        body=body,
        evidence_link=f"/sentiment/decisions/{decision_id}",
    )


def _void_forged(connection: Connection, decision_id: int, requested_by: str) -> Decision:
    decision = decisions.by_id(connection, decision_id)
    response = ApprovalResponse(
        decision_id=decision_id, response="void", reason=UNANSWERED, evidence_hash=decision.evidence_hash
    )
    decisions.store_approval(connection, response, provenance={"channel": "nobody", "run": requested_by})
    _alert(
        connection,
        decision_id,
        f"{requested_by}: the approval ended without an answer of a person. Nothing was promoted. "
        "The audit log of Airflow says who changed the task.",
    )
    facts = {"decision_id": decision_id, "requested_by": requested_by, "reason": UNANSWERED}
    ledger.append(connection, FORGED_APPROVAL, facts)
    return decision
