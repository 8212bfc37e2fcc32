"""Record the response to an approval request; one that fails the checks is recorded as void, with the reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.errors import ApprovalVoid, BadInput
from sentiment_lib.records import NOBODY, Answer, Approval, ApprovalResponse, DecisionRecord
from sentiment_lib.registry.mlflow_registry import CHALLENGER, Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.decisions import shadow_comparison
from sentiment_lib.storage import decisions, model_versions
from sentiment_lib.storage.engine import Store, lock

#: Recorded as the reason of a rejection that has none.
NO_REASON = "no reason given"


def run(
    store: Store,
    settings: Settings,
    response: ApprovalResponse,
    *,
    requested_by: str | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Approval:
    """The approval as recorded: the response, or "void" with the reason why it does not count.

    response: "approved", "rejected" or "expired"; requested_by: the person, if any, who started the run;
    provenance: where the response came from and how the person was identified, for the ledger.
    Repeating a response of the same person returns the existing approval. Raises ApprovalVoid when the decision has
    another response, BadInput for another kind of response, NotFound for an unknown decision.
    """
    if response.response not in ("approved", "rejected", "expired"):
        raise BadInput(what="answer", problem=f"'{response.response}' is none of approved, rejected, expired")
    with store.begin() as connection:
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
        shadow = shadow_comparison.run(connection, decision) if decisions.is_intact(decision) else None
        approval = decisions.store_approval(
            connection,
            _validated_response(connection, settings, decision, response, requested_by),
            shadow=shadow.as_dict() if shadow else None,
            provenance=provenance,
            approvers=settings.policy.approval.approvers,
        )
    if approval.response != "approved":
        drop_challenger_alias(store, settings, decision.candidate_version)
    return approval


def input_error(settings: Settings, response: ApprovalResponse, requesters: Collection[str | None]) -> str | None:
    """Why the response is invalid by itself, regardless of the decision's state; None when valid.

    requesters: who requested the promotion. A caller that can ask again rejects an invalid response before it is
    recorded.
    """
    shortest = settings.policy.approval.shortest_reason
    if response.response == "rejected" and len((response.reason or "").strip()) < shortest:
        return "a rejection needs a reason"
    return _refusal(settings, response, requesters)


def _refusal(settings: Settings, response: ApprovalResponse, requesters: Collection[str | None]) -> str | None:
    """Why this person may not give this response; None when they may. Every approver may reject."""
    policy = settings.policy.approval
    if response.answered_by not in policy.approvers:
        return f"{response.answered_by} is not among the approvers"
    if response.response == "approved" and not policy.self_approval and response.answered_by in requesters:
        return f"{response.answered_by} asked for this promotion and may not approve it"
    return None


def _validated_response(
    connection: Connection,
    settings: Settings,
    decision: DecisionRecord,
    response: ApprovalResponse,
    requested_by: str | None,
) -> ApprovalResponse:
    """The response to record: unchanged when it is valid, else "void" with the reason."""
    if response.response == "expired":
        return replace(response, evidence_hash=decision.evidence_hash)
    if response.response == "rejected" and not (response.reason or "").strip():
        # a rejection without a reason is still a rejection and must not become void
        response = replace(response, reason=NO_REASON)
    problem = _refusal(settings, response, (requested_by, decision.requested_by))
    if problem is None and response.response == "approved":
        champion = model_versions.champion(connection)
        problem = _staleness(settings, decision, response, champion.version if champion else None)
    return response if problem is None else replace(response, response="void", reason=problem)


def _staleness(
    settings: Settings, decision: DecisionRecord, response: ApprovalResponse, serving: int | None
) -> str | None:
    """Why the decision can no longer be approved; None when it can."""
    expires_after = settings.policy.approval.expires_after
    if decision.verdict is not Answer.PROMOTE:
        return f"the gate said {decision.verdict}, so there is nothing to approve"
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
