"""Record the response to an approval request; one that fails the checks is recorded as void, with the reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from sentiment_lib import verify_dossier
from sentiment_lib.errors import AnswerRefused, ApprovalVoid, BadInput, RecordForged
from sentiment_lib.policy import ApprovalPolicy
from sentiment_lib.records import NOBODY, Answer, Approval, ApprovalResponse, ApprovalVote, DecisionRecord
from sentiment_lib.registry.mlflow_registry import CHALLENGER, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import approval_rights, shadow_comparison
from sentiment_lib.storage import (
    approval_requests,
    approval_votes,
    decisions,
    forged_records,
    model_versions,
    recorded_facts,
)
from sentiment_lib.storage.approval_audit import COMMAND_LINE
from sentiment_lib.storage.approval_votes import Right
from sentiment_lib.storage.engine import Store, lock

#: Recorded as the reason of a rejection that has none.
NO_REASON = "no reason given"


def run(
    store: Store,
    settings: Settings,
    response: ApprovalResponse,
    *,
    people: Collection[str] = frozenset(),
    provenance: Mapping[str, Any] | None = None,
) -> Approval | ApprovalVote:
    """The approval as recorded: the response, or "void" with the reason why it does not count.

    An approval that does not reach the policy's quorum is recorded as a vote, and the decision stays pending.

    response: "approved", "rejected" or "expired"; people: who triggered or cleared the run of the request;
    provenance: where the response came from and how the person was identified, for the ledger.
    Repeating a response of the same person returns the existing approval or vote. Raises ApprovalVoid when the decision
    has another response, AnswerRefused for an approval that cannot count beside those that exist, BadInput for another
    kind of response, NotFound for an unknown decision, RecordForged for one that the platform did not record.
    """
    if response.response not in ("approved", "rejected", "expired"):
        raise BadInput(what="answer", problem=f"'{response.response}' is none of approved, rejected, expired")
    problem = forged_records.check(store, "decision", response.decision_id)
    with store.begin() as connection:
        if problem and not recorded_facts.is_signed(connection, "decision", response.decision_id):
            raise RecordForged(problem=problem)
        # the lock also keeps the champion from changing while the response is checked against it
        lock(connection, "champion")
        decision = decisions.full_record(connection, response.decision_id)
        existing = decisions.approval(connection, decision.decision_id)
        if existing:
            if existing.response in (response.response, "void", "expired") and existing.answered_by in (
                response.answered_by,
                NOBODY,
            ):
                return existing
            problem = f"{existing.answered_by} has answered already: {existing.response}"
            raise ApprovalVoid(decision=decision.decision_id, problem=problem)
        policy = approval_rights.in_force(settings.policy.approval, decision)
        requesters = _requesters(connection, decision, people)
        votes = approval_votes.of_decision(connection, decision.decision_id)
        earlier = next((vote for vote in votes if vote.answered_by == response.answered_by), None)
        if earlier and response.response == "approved":
            return earlier
        if response.response == "approved":
            _record_requesters(connection, decision, people, provenance or {})
        valid = _validated_response(connection, policy, decision, response, requesters, problem)
        approvers = policy.approvers_after(valid.answered_at - decision.decided_at)
        right = None
        if valid.response == "approved":
            usable = approval_rights.usable_right(connection, policy, decision, valid, requesters)
            if isinstance(usable, str):
                raise AnswerRefused(decision=decision.decision_id, problem=usable)
            right = usable
            if len(votes) + 1 < policy.quorum:
                return approval_votes.store_vote(connection, valid, right, approvers=approvers, provenance=provenance)
        shadow = shadow_comparison.run(connection, decision) if decisions.is_intact(decision) else None
        approval = decisions.store_approval(
            connection,
            valid,
            shadow=shadow.as_dict() if shadow else None,
            provenance=provenance,
            approvers=approvers,
            quorum=_quorum_facts(policy, right, votes),
        )
    if approval.response != "approved":
        drop_challenger_alias(store, settings, decision.candidate_version)
    return approval


def input_error(
    store: Store, settings: Settings, response: ApprovalResponse, requesters: Collection[str | None]
) -> str | None:
    """Why the response would be refused or void because of who gives it or how; None otherwise.

    requesters: who requested the promotion. A caller that can ask again rejects an invalid response before it is
    recorded. Raises RecordForged for a decision that the platform did not record.
    """
    forged_records.require_recorded(store, "decision", response.decision_id)
    with store.begin() as connection:
        decision = decisions.full_record(connection, response.decision_id)
        policy = approval_rights.in_force(settings.policy.approval, decision)
        requesters = {*requesters, *_requesters(connection, decision, ())}
        problem = approval_rights.refusal(connection, policy, decision, response, requesters)
        if problem is None and response.response == "approved":
            right = approval_rights.usable_right(connection, policy, decision, response, requesters)
            problem = right if isinstance(right, str) else None
    reason = (response.reason or "").strip()
    if problem is None and response.response == "rejected" and len(reason) < policy.shortest_reason:
        problem = "a rejection needs a reason"
    return problem


def _record_requesters(
    connection: Connection, decision: DecisionRecord, people: Collection[str], provenance: Mapping[str, Any]
) -> None:
    """Record who asked for the promotion. Raises AnswerRefused on the command line when a run of Airflow did.

    There Airflow is asked first, who triggered the run.
    """
    unknown = approval_requests.recorded_requesters(connection, decision.decision_id) is None
    of_run = provenance.get("channel") == COMMAND_LINE and approval_requests.of_airflow(decision.requested_by)
    if unknown and of_run:
        nothing = f"the gate said {decision.verdict}, so there is nothing to approve"
        problem = "it is not recorded who triggered its run" if decision.verdict is Answer.PROMOTE else nothing
        raise AnswerRefused(decision=decision.decision_id, problem=problem)
    approval_requests.store_request(connection, decision, people)


def _requesters(connection: Connection, decision: DecisionRecord, people: Collection[str]) -> set[str | None]:
    """Everybody who counts as the requester: as recorded with the request, and as the caller knows."""
    recorded = approval_requests.recorded_requesters(connection, decision.decision_id) or set()
    known = approval_requests.people_behind(connection, decision.requested_by, people)
    return {decision.requested_by, *recorded, *known}


def _quorum_facts(policy: ApprovalPolicy, right: Right | None, votes: Sequence[ApprovalVote]) -> dict[str, Any]:
    """What the ledger keeps of a quorum and of a delegation."""
    facts: dict[str, Any] = {"quorum": policy.quorum, "votes": [vote.sequence for vote in votes]}
    if policy.lists:
        facts["lists"] = {name: list(members) for name, members in policy.lists.items()}
    if right and right.delegation is not None:
        facts |= {"on_behalf_of": right.principal, "delegation": right.delegation}
    return facts


def _validated_response(
    connection: Connection,
    policy: ApprovalPolicy,
    decision: DecisionRecord,
    response: ApprovalResponse,
    requesters: Collection[str | None],
    changed: str | None,
) -> ApprovalResponse:
    """The response to record: unchanged when it is valid, else "void" with the reason.

    changed: what of the decision is not as it was recorded.
    """
    if response.response == "expired":
        return replace(response, evidence_hash=decision.evidence_hash)
    if response.response == "rejected" and not (response.reason or "").strip():
        # a rejection without a reason is still a rejection and must not become void
        response = replace(response, reason=NO_REASON)
    problem = approval_rights.refusal(connection, policy, decision, response, requesters)
    if problem is None and response.response == "approved":
        champion = model_versions.champion(connection)
        problem = _staleness(policy, decision, response, champion.version if champion else None) or changed
    return response if problem is None else replace(response, response="void", reason=problem)


def _staleness(
    policy: ApprovalPolicy, decision: DecisionRecord, response: ApprovalResponse, serving: int | None
) -> str | None:
    """Why the decision can no longer be approved; None when it can."""
    expires_after = policy.expires_after
    if decision.verdict is not Answer.PROMOTE:
        return f"the gate said {decision.verdict}, so there is nothing to approve"
    if response.answered_at < decision.decided_at - verify_dossier.MOMENT:
        return "it was given before the decision, about other evidence"
    if response.answered_at > decision.decided_at + expires_after:
        return f"the question expired after {expires_after}"
    if response.evidence_hash != decision.evidence_hash or not decisions.is_intact(decision):
        return "the evidence is not what was shown"
    if serving != decision.champion_version:
        return f"the champion is version {serving} now, and the comparison was with {decision.champion_version}"
    return None


def drop_challenger_alias(store: Store, settings: Settings, candidate: int) -> None:
    """Drop the alias `challenger` when it names the candidate of a closed request."""
    registry = Registry(settings)
    with store.exclusive("alias"):
        if registry.alias(CHALLENGER) == candidate:
            registry.drop_alias(CHALLENGER)
