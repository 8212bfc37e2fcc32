"""Checks of approvals: who answered, whether they might, and where their answer came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib import verify_dossier
from sentiment_lib.records import Approval
from sentiment_lib.storage import decisions, ledger
from sentiment_lib.storage.approval_requests import APPROVAL_REQUEST
from sentiment_lib.storage.approval_votes import DELEGATION, VOTE

#: Ways in which a person answers: Airflow's page, or a command with a person token.
AIRFLOW, COMMAND_LINE = "airflow", "command line"
NO_ROW = "the approval in the database has no signed row in the ledger"
Facts = Mapping[str, Any]


APPROVALS = text(
    """
    SELECT a.approval_id, a.answered_by, a.answered_at, d.decided_at, d.policy -> 'approval' AS policy,
           d.policy -> 'approval' -> 'approvers' AS approvers
    FROM approvals a JOIN decisions d USING (decision_id)
    WHERE a.response = 'approved' ORDER BY a.approval_id
    """
)


def approvals(connection: Connection) -> list[str]:
    """Approvals by someone who was not an approver then, or with an impossible time."""
    recorded = {
        int(facts["approval_id"]): (facts, entry.recorded_at)
        for entry in ledger.genuine_entries(connection, ("approval",))
        for facts in (entry.facts(),)
    }
    problems: list[str] = []
    rows = {entry.sequence: entry.facts() for entry in ledger.genuine_entries(connection, (VOTE, DELEGATION))}
    requests = [entry.facts() for entry in ledger.genuine_entries(connection, (APPROVAL_REQUEST,))]
    for row in connection.execute(APPROVALS):
        facts, recorded_at = recorded.get(row.approval_id, ({}, None))
        approvers = facts.get("approvers")
        allowed = approvers if approvers is not None else row.approvers
        if facts:
            faults = [
                *verify_dossier.request_faults(facts, rows, row.policy or {}, requests),
                *verify_dossier.order_faults(facts, rows, row.decided_at),
            ]
            problems += [f"approval {row.approval_id}: {fault}" for fault in faults]
        if "quorum" in facts:
            problems += [f"approval {row.approval_id}: {fault}" for fault in verify_dossier.quorum_faults(facts, rows)]
        delegated = "on_behalf_of" in facts and facts["answered_by"] == row.answered_by
        if allowed is not None and row.answered_by not in allowed and not delegated:
            problems.append(
                f"approval {row.approval_id} is by {row.answered_by}, no approver in the policy of that day"
            )
        if row.answered_at < row.decided_at - verify_dossier.MOMENT:
            problems.append(f"approval {row.approval_id} is dated before its decision")
        if recorded_at and row.answered_at > recorded_at + ledger.CLOCK_TOLERANCE:
            problems.append(f"approval {row.approval_id} is dated after it was recorded")
    return problems


def unrecorded(connection: Connection, approval: Approval) -> str | None:
    """Why the platform did not record this row of the table of approvals; None when a signed ledger row says it."""
    return None if _recorded(connection, approval) else NO_ROW


def invalidity(connection: Connection, approval: Approval) -> str | None:
    """Why this row of the table of approvals does not count; None when a signed ledger row says and allows it."""
    entry = _recorded(connection, approval)
    if entry is None:
        return NO_ROW
    if approval.response != "approved":
        return None
    decision = decisions.full_record(connection, approval.decision_id)
    facts, policy = entry.facts(), decision.policy.get("approval") or {}
    votes = {row.sequence: row.facts() for row in ledger.genuine_entries(connection, (VOTE, DELEGATION))}
    requests = [row.facts() for row in ledger.genuine_entries(connection, (APPROVAL_REQUEST,))]
    faults = list(verify_dossier.request_faults(facts, votes, policy, requests))
    faults += verify_dossier.order_faults(facts, votes, decision.decided_at)
    if "quorum" in facts:
        faults += verify_dossier.quorum_faults(facts, votes)
    return faults[0] if faults else None


def _recorded(connection: Connection, approval: Approval) -> ledger.LedgerEntry | None:
    """The signed ledger row of an approval."""
    said = {
        "approval_id": approval.approval_id,
        "decision_id": approval.decision_id,
        "answer": str(approval.response),
        "answered_by": approval.answered_by,
        "evidence_hash": approval.evidence_hash,
    }
    return ledger.find_genuine(connection, "approval", said)


def channel(connection: Connection, approval: Approval) -> str | None:
    """The way in which a person answered: AIRFLOW, COMMAND_LINE, or None when nobody did or no signed row says it."""
    entry = _recorded(connection, approval)
    return entry.facts().get("channel") if entry else None


def origins(connection: Connection) -> list[str]:
    """Answers of people without Airflow's record of the answer, and without the token that gave it.

    Answers that an earlier release recorded, without the names of their record, are not checked.
    """
    tokens: dict[int, Facts] = {}
    problems: list[str] = []
    for entry in ledger.genuine_entries(connection, ("token_issued", "approval", VOTE)):
        facts = entry.facts()
        if entry.kind == "token_issued":
            tokens[int(facts["token_id"])] = facts
        elif facts["answer"] in ("approved", "rejected") and "channel" in facts:
            name = f"vote {entry.sequence}" if entry.kind == VOTE else f"approval {facts['approval_id']}"
            problems += [f"{name} {fault}" for fault in _origin_faults(facts, tokens)]
    return problems


def _origin_faults(facts: Facts, tokens: Mapping[int, Facts]) -> Iterator[str]:
    """What is wrong with where an answer came from; tokens: those issued before, by id."""
    provenance = facts.get("provenance") or {}
    who, when = facts["answered_by"], datetime.fromisoformat(facts["answered_at"])
    if facts["channel"] == AIRFLOW:
        if not all(provenance.get(name) for name in ("task", "task_instance_id", "responded_by", "responded_at")):
            yield "has no record of Airflow"
        elif provenance["responded_by"] != who or datetime.fromisoformat(provenance["responded_at"]) != when:
            yield f"is not what Airflow recorded: {provenance['responded_by']} at {provenance['responded_at']}"
    elif facts["channel"] == COMMAND_LINE:
        token = tokens.get(provenance.get("token_id") or 0)
        if token is None or token["name"] != who:
            yield f"was given with a token that was never issued to {who}"
        elif when > datetime.fromisoformat(token["expires_at"]) + ledger.CLOCK_TOLERANCE:
            yield "was given with a token that had expired"
    else:
        yield "has no record of an answer, of Airflow or of a command"


def responses_in_airflow(connection: Connection, *, after: int | None = None) -> list[Facts]:
    """Facts of what people answered in Airflow after this row of the ledger, oldest first."""
    recorded = (entry.facts() for entry in ledger.genuine_entries(connection, ("approval", VOTE), after=after))
    return [facts for facts in recorded if facts.get("channel") == AIRFLOW]
