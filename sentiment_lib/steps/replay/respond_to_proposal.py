"""Approve, reject or withdraw a proposed policy: by an approver who did not propose it, on unmodified evidence."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.errors import BadInput
from sentiment_lib.hashing import hash_file
from sentiment_lib.settings import Settings
from sentiment_lib.steps.replay.propose_policy import evidence_path
from sentiment_lib.storage import approval_requests, policy_proposals
from sentiment_lib.storage.engine import Store, lock
from sentiment_lib.storage.policy_proposals import APPROVED, REJECTED, WITHDRAWN, Author, PolicyProposal


def run(
    store: Store,
    settings: Settings,
    *,
    proposal_id: int,
    response: str,
    by: Author,
    reason: str | None = None,
    at: datetime | None = None,
) -> PolicyProposal:
    """Record the response "approved", "rejected" or "withdrawn"; a repeated one changes nothing.

    Raises NotFound for an unknown proposal, BadInput for a response that may not be given.
    """
    with store.begin() as connection:
        lock(connection, "ledger")
        proposal = policy_proposals.by_id(connection, proposal_id)
        given = proposal.response
        if given is not None and (given.response, given.answered_by) == (response, by.name):
            return proposal
        moment = at or clock.now()
        if problem := refusal(connection, settings, proposal, response, by.name, reason, moment):
            raise BadInput(what=f"{response} for policy proposal {proposal_id}", problem=problem)
        return policy_proposals.store_response(connection, proposal, by, response=response, reason=reason)


def refusal(
    connection: Connection,
    settings: Settings,
    proposal: PolicyProposal,
    response: str,
    person: str,
    reason: str | None,
    at: datetime,
) -> str | None:
    """Why this person may not respond so; None when they may. Whoever issued the proposer's token proposed it too."""
    policy, given = settings.policy.approval, proposal.response.response if proposal.response else None
    if person not in policy.approvers:
        return f"{person} is no approver"
    if response != APPROVED and len((reason or "").strip()) < policy.shortest_reason:
        return "a reason is needed"
    if response == WITHDRAWN:
        return None if given == APPROVED else "it is not in force"
    if given is not None:
        return f"it was {given} already"
    if response == REJECTED:
        return None
    behind = approval_requests.people_behind(connection, proposal.proposed_by, {proposal.proposed_by})
    if person in behind and not policy.self_approval:
        return "who proposes a policy may not approve it"
    if at > proposal.proposed_at + policy.expires_after:
        return f"it expired after {policy.expires_after}: replay again, since the evidence describes an older stream"
    path = evidence_path(settings, proposal.evidence_hash)
    if not path.exists() or hash_file(path) != proposal.evidence_hash:
        return "its replay is missing or was modified: replay again"
    return None
