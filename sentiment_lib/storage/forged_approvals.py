"""Approvals that ended without an answer, and who settled them: signed rows of the ledger, whatever the alerts say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.storage import decisions, ledger
from sentiment_lib.storage.decisions import FORGED_APPROVAL
from sentiment_lib.storage.ledger import LedgerEntry

#: Kind of the ledger row by which an approver says that the matter is settled.
RESOLVED = "forged_approval_resolved"
Facts = Mapping[str, Any]


def forged_approvals(connection: Connection) -> list[str]:
    """Approvals that ended without an answer, until a person who may settle them has done so on the command line."""
    problems, settled = list[str](), dict[int, int]()
    entries = list(ledger.genuine_entries(connection, (FORGED_APPROVAL, RESOLVED, "token_issued")))
    tokens = {int(facts["token_id"]): facts for facts in _facts(entries, "token_issued")}
    for entry in entries:
        if entry.kind == RESOLVED:
            facts = entry.facts()
            fault = _fault(connection, entry, tokens)
            if fault is None:
                settled[int(facts["decision_id"])] = entry.sequence
            else:
                problems.append(f"decision {facts['decision_id']}: its resolution {fault}")
    for entry in entries:
        if entry.kind == FORGED_APPROVAL:
            facts = entry.facts()
            if settled.get(int(facts["decision_id"]), 0) < entry.sequence:
                problems.append(f"decision {facts['decision_id']}: {facts['reason']} ({facts['requested_by']})")
    return problems


def decision_of(dedup_key: str) -> int:
    """The decision of an alert of the kind FORGED_APPROVAL."""
    return int(dedup_key.removeprefix(f"{FORGED_APPROVAL}/"))


def refusal(connection: Connection, decision_id: int, person: str) -> str | None:
    """Why this person may not settle the forged approval of a decision; None when they may.

    Raises NotFound for an unknown decision.
    """
    decision = decisions.full_record(connection, decision_id)
    if person not in decision.policy.get("approval", {}).get("approvers", ()):
        return f"{person} is no approver in the policy of decision {decision_id}"
    requesters = {decision.requested_by.partition("/")[0], decision.requested_by}
    authors = set[str]()
    for entry in ledger.genuine_entries(connection, ("approval_request", "approval")):
        facts = entry.facts()
        if facts.get("decision_id") == decision_id:
            requesters.update(facts.get("requesters") or ())
            authors.add(facts.get("answered_by") or "")
    stored = decisions.approval(connection, decision_id)
    if person in requesters:
        return f"{person} requested decision {decision_id}"
    if person in authors or (stored and stored.answered_by == person):
        return f"{person} is named as the author of that answer"
    return None


def record_resolution(
    connection: Connection, decision_id: int, *, by: str, comment: str, provenance: Mapping[str, object]
) -> None:
    """Append that this person has settled the matter. Call it last in the transaction."""
    facts = {"decision_id": decision_id, "resolved_by": by, "comment": comment, "provenance": provenance}
    ledger.append(connection, RESOLVED, facts)


def _fault(connection: Connection, entry: LedgerEntry, tokens: Mapping[int, Facts]) -> str | None:
    """Why a resolution does not count; None when it does."""
    facts = entry.facts()
    token = tokens.get(int(facts["provenance"].get("token_id") or 0))
    if token is None or token["name"] != facts["resolved_by"]:
        return f"was given with a token that was never issued to {facts['resolved_by']}"
    if entry.recorded_at > datetime.fromisoformat(token["expires_at"]) + ledger.CLOCK_TOLERANCE:
        return "was given with a token that had expired"
    problem = refusal(connection, int(facts["decision_id"]), facts["resolved_by"])
    return f"does not count: {problem}" if problem else None


def _facts(entries: list[LedgerEntry], kind: str) -> list[Facts]:
    return [entry.facts() for entry in entries if entry.kind == kind]
