"""Votes: approvals towards a quorum, and delegations of the right to give one; rows of the ledger and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.records import ApprovalResponse, ApprovalVote
from sentiment_lib.storage import ledger

#: Kinds of the ledger rows.
VOTE, DELEGATION = "vote", "delegation"


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """An approver's right, given to another person until a time; a later row of the same pair replaces it."""

    #: number of its ledger row
    sequence: int
    principal: str
    delegate: str
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Right:
    """The right by which a person answers: an approver's own, or one that an approver delegated."""

    #: whose right it is
    principal: str
    #: number of the delegation's ledger row; None for one's own right
    delegation: int | None = None


def of_decision(connection: Connection, decision_id: int) -> list[ApprovalVote]:
    """The signed votes for a decision that has no approval yet, oldest first."""
    return [
        ApprovalVote(
            sequence=entry.sequence,
            decision_id=decision_id,
            response=facts["answer"],
            answered_by=facts["answered_by"],
            answered_at=datetime.fromisoformat(facts["answered_at"]),
            reason=facts["reason"],
            evidence_hash=facts["evidence_hash"],
            principal=facts["on_behalf_of"],
        )
        for entry in ledger.genuine_entries(connection, (VOTE,))
        for facts in (entry.facts(),)
        if facts["decision_id"] == decision_id
    ]


def store_vote(
    connection: Connection,
    response: ApprovalResponse,
    right: Right,
    *,
    approvers: Sequence[str],
    provenance: Mapping[str, Any] | None,
) -> ApprovalVote:
    """Append a vote; `approvers` are those of the policy at that time."""
    facts = asdict(response) | {"approvers": list(approvers), "provenance": dict(provenance or {})}
    facts["answer"] = facts.pop("response")
    facts["channel"] = (provenance or {}).get("channel")
    facts |= {"on_behalf_of": right.principal, "delegation": right.delegation}
    entry = ledger.append(connection, VOTE, facts)
    return ApprovalVote(**vars(response), sequence=entry.sequence, principal=right.principal)


def store_delegation(
    connection: Connection, *, principal: str, delegate: str, until: datetime, provenance: Mapping[str, Any]
) -> Delegation:
    """Append a delegation that begins now; one that ends in the past ends an earlier one of the same pair."""
    facts = {"principal": principal, "delegate": delegate, "until": until, "provenance": dict(provenance)}
    entry = ledger.append(connection, DELEGATION, facts)
    return Delegation(
        sequence=entry.sequence, principal=principal, delegate=delegate, since=entry.recorded_at, until=until
    )


def active_delegations(connection: Connection, at: datetime) -> list[Delegation]:
    """The newest signed delegation of each pair that holds at this time, oldest first."""
    newest: dict[tuple[str, str], Delegation] = {}
    for entry in ledger.genuine_entries(connection, (DELEGATION,)):
        facts = entry.facts()
        pair = facts["principal"], facts["delegate"]
        until = datetime.fromisoformat(facts["until"])
        if entry.recorded_at <= at:
            newest[pair] = Delegation(
                sequence=entry.sequence, principal=pair[0], delegate=pair[1], since=entry.recorded_at, until=until
            )
    return sorted((one for one in newest.values() if one.until >= at), key=lambda one: one.sequence)
