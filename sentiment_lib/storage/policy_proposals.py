"""Proposals of other rules for requesting a retrain, and people's answers; rows of the ledger and nothing else.

An approved proposal is adopted: its rules act where the settings do not name them, until another one is approved or it
is withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.errors import NotFound
from sentiment_lib.policy import Policy, Section
from sentiment_lib.storage import ledger
from sentiment_lib.storage.ledger import LedgerEntry

#: Kinds of the ledger rows.
PROPOSAL, RESPONSE = "policy_proposal", "policy_response"
#: Responses to a proposal.
APPROVED, REJECTED, WITHDRAWN = "approved", "rejected", "withdrawn"
#: Rules that a proposal may set: section of the policy -> rules, all of which say when a retrain is requested.
TRIGGERS = {
    "retrain": (
        "calendar",
        "new_labels",
        "new_judged_share",
        "price_errors",
        "gain_per_doubling",
        "quality_drop",
        "quality_run_length",
    ),
    "drift": ("retrain_on",),
}
#: Section -> rule -> value.
Rules = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who proposes or responds, and how that is known, for the ledger."""

    name: str
    provenance: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class NewProposal:
    """Rules that a replay recommends, to be stored."""

    title: str
    rules: Rules
    #: what was replayed, the sentence that concludes it, and the SHA-256 of its JSON file
    history: str
    conclusion: str
    evidence_hash: str


@dataclass(frozen=True, kw_only=True)
class ProposalResponse:
    """A person's response to a proposal."""

    response: str
    answered_by: str
    answered_at: datetime
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class PolicyProposal:
    """Rules that a replay recommends. `proposal_id` is the number of its ledger row."""

    proposal_id: int
    title: str
    rules: Rules
    #: what was replayed, the sentence that concludes it, and the SHA-256 of its JSON file
    history: str
    conclusion: str
    evidence_hash: str
    proposed_by: str
    proposed_at: datetime
    #: the newest one; None while it is pending
    response: ProposalResponse | None


def store_proposal(connection: Connection, new: NewProposal, by: Author) -> PolicyProposal:
    """Append a proposal. Raises ValidationError for rules that are not TRIGGERS or out of bounds."""
    require_triggers(new.rules)
    facts = {**vars(new), "proposed_by": by.name, "provenance": dict(by.provenance)}
    return _proposal(ledger.append(connection, PROPOSAL, facts), None)


def store_response(
    connection: Connection, proposal: PolicyProposal, by: Author, *, response: str, reason: str | None
) -> PolicyProposal:
    """Append a response to it; returns the proposal with the response."""
    facts = {"proposal_id": proposal.proposal_id, "response": response, "answered_by": by.name, "reason": reason}
    facts |= {"evidence_hash": proposal.evidence_hash, "provenance": dict(by.provenance)}
    ledger.append(connection, RESPONSE, facts)
    return by_id(connection, proposal.proposal_id)


def all_proposals(connection: Connection) -> list[PolicyProposal]:
    """The signed proposals with their newest signed response, newest first."""
    responses: dict[int, ProposalResponse] = {}
    proposals: list[LedgerEntry] = []
    for entry in ledger.genuine_entries(connection, (PROPOSAL, RESPONSE)):
        if entry.kind == PROPOSAL:
            proposals.append(entry)
        else:
            facts = entry.facts()
            responses[facts["proposal_id"]] = _response(entry)
    return [_proposal(entry, responses.get(entry.sequence)) for entry in reversed(proposals)]


def by_id(connection: Connection, proposal_id: int) -> PolicyProposal:
    """The proposal of this id. Raises NotFound."""
    for proposal in all_proposals(connection):
        if proposal.proposal_id == proposal_id:
            return proposal
    raise NotFound(what="policy proposal", key=proposal_id)


def adopted(connection: Connection) -> PolicyProposal | None:
    """The proposal whose approval is the newest one and was not withdrawn; None without one."""
    approved = [
        one for one in all_proposals(connection) if one.response is not None and one.response.response == APPROVED
    ]
    return max(approved, key=lambda one: one.response.answered_at if one.response else one.proposed_at, default=None)


def adopt(policy: Policy, rules: Rules) -> Policy:
    """The policy with these rules, but where it sets them itself. Raises ValidationError for values out of bounds."""
    changed: dict[str, Section] = {}
    for name, values in rules.items():
        section: Section = getattr(policy, name)
        own = section.model_dump(mode="json", include=section.model_fields_set)
        used = {rule: value for rule, value in values.items() if rule in TRIGGERS[name]}
        changed[name] = type(section).model_validate({**used, **own})
    return policy.model_copy(update=changed)


def triggers(policy: Policy) -> dict[str, dict[str, Any]]:
    """The TRIGGERS of a policy."""
    return {name: getattr(policy, name).model_dump(mode="json", include=set(rules)) for name, rules in TRIGGERS.items()}


def require_triggers(rules: Rules) -> None:
    """Raise ValueError for a rule that is none of TRIGGERS, ValidationError for a value out of bounds."""
    strangers = [f"{name}.{rule}" for name, values in rules.items() for rule in values if rule not in TRIGGERS[name]]
    if strangers:
        raise ValueError(f"{strangers[0]} does not say when a retrain is requested")
    adopt(Policy(), rules)


def _proposal(entry: LedgerEntry, response: ProposalResponse | None) -> PolicyProposal:
    facts = entry.facts()
    names = ("title", "rules", "history", "conclusion", "evidence_hash", "proposed_by")
    return PolicyProposal(
        proposal_id=entry.sequence,
        proposed_at=entry.recorded_at,
        response=response,
        **{name: facts[name] for name in names},
    )


def _response(entry: LedgerEntry) -> ProposalResponse:
    facts = entry.facts()
    return ProposalResponse(
        response=facts["response"],
        answered_by=facts["answered_by"],
        answered_at=entry.recorded_at,
        reason=facts["reason"],
    )
