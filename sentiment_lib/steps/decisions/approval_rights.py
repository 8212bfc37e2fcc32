"""Who may answer an approval request: approvers, their delegates, and after the escalation the second list."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.policy import ApprovalPolicy
from sentiment_lib.records import UNKNOWN, ApprovalResponse, ApprovalVote, DecisionRecord
from sentiment_lib.storage import approval_votes
from sentiment_lib.storage.approval_votes import Right


def in_force(today: ApprovalPolicy, decision: DecisionRecord) -> ApprovalPolicy:
    """The stricter of the policy recorded with the decision and today's, in each rule about who may answer.

    A person must be an approver in both. A decision of an early release has no recorded policy.
    """
    recorded = decision.policy.get("approval") or {}
    if "approvers" not in recorded:
        return today
    known = {name: value for name, value in recorded.items() if name in ApprovalPolicy.model_fields}
    then = ApprovalPolicy.model_validate(known)
    later = [name for name in (*then.approvers, *then.escalate_to) if name in (*today.approvers, *today.escalate_to)]
    expires_after = min(then.expires_after, today.expires_after)
    escalation = max(then.expires_after * then.escalate_at, today.expires_after * today.escalate_at)
    lists = {**then.lists, **today.lists}
    return today.model_copy(
        update={
            "approvers": tuple(name for name in then.approvers if name in today.approvers),
            "escalate_to": tuple(dict.fromkeys(later)),
            "escalate_at": escalation / expires_after,
            "expires_after": expires_after,
            "quorum": max(then.quorum, today.quorum, len(lists)),
            "lists": {
                name: tuple(one for one in members if one in then.lists.get(name, members))
                for name, members in lists.items()
            },
            "self_approval": then.self_approval and today.self_approval,
            "shortest_reason": max(then.shortest_reason, today.shortest_reason),
        }
    )


def rights_of(
    connection: Connection, policy: ApprovalPolicy, decision: DecisionRecord, person: str, at: datetime
) -> list[Right]:
    """The rights by which a person may answer at this time: one's own first; empty for somebody who may not."""
    approvers = policy.approvers_after(at - decision.decided_at)
    own = [Right(principal=person)] if person in approvers else []
    return own + [
        Right(principal=one.principal, delegation=one.sequence)
        for one in approval_votes.active_delegations(connection, at)
        if one.delegate == person and one.principal in approvers and one.principal != person
    ]


def refusal(
    connection: Connection,
    policy: ApprovalPolicy,
    decision: DecisionRecord,
    response: ApprovalResponse,
    requesters: Collection[str | None],
) -> str | None:
    """Why this person may not give this response; None when they may. Whoever has a right may reject."""
    person = response.answered_by
    rights = rights_of(connection, policy, decision, person, response.answered_at)
    if not rights:
        return f"{person} is not among the approvers"
    if response.response == "approved" and not policy.self_approval:
        if UNKNOWN in requesters:
            return (
                "Airflow does not say who cleared the run that asked for this promotion, or who sent the asset event "
                "that started it: ask for it again by a new run"
            )
        if person in requesters:
            return f"{person} asked for this promotion and may not approve it"
        if all(right.principal in requesters for right in rights):
            return f"{rights[0].principal} asked for this promotion, and a delegate may not approve it either"
    return None


def usable_right(
    connection: Connection,
    policy: ApprovalPolicy,
    decision: DecisionRecord,
    response: ApprovalResponse,
    requesters: Collection[str | None],
) -> Right | str:
    """The right by which an approval counts beside the votes that exist, or why it would not."""
    votes = approval_votes.of_decision(connection, decision.decision_id)
    person = response.answered_by
    if any(vote.answered_by == person for vote in votes):
        return f"{person} has approved already"
    excluded = {vote.principal for vote in votes} | (set() if policy.self_approval else set(requesters))
    rights = rights_of(connection, policy, decision, person, response.answered_at)
    right = next((right for right in rights if right.principal not in excluded), None)
    if right is None:
        return f"the approval of {rights[0].principal} is there already"
    missing = unmet_lists(policy, [*votes, right])
    if len(missing) > policy.quorum - len(votes) - 1:
        return f"the remaining approvals must come from: {', '.join(missing)}"
    return right


def unmet_lists(policy: ApprovalPolicy, given: Collection[ApprovalVote | Right]) -> list[str]:
    """Names of the policy's lists of which nobody has approved."""
    principals = {one.principal for one in given}
    return [name for name, members in policy.lists.items() if not principals & set(members)]


def remaining(connection: Connection, policy: ApprovalPolicy, decision_id: int) -> int:
    """How many approvals a pending decision still needs."""
    return max(0, policy.quorum - len(approval_votes.of_decision(connection, decision_id)))
