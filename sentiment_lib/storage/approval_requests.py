"""Who asked for a promotion: a signed row of the ledger for each approval request, written by the platform."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from sentiment_lib.records import DecisionRecord
from sentiment_lib.storage import ledger

#: Kind of the ledger row.
APPROVAL_REQUEST = "approval_request"
#: The DAG whose runs request approvals, as in "retrain/RUN".
DAG = "retrain"


def of_airflow(requested_by: str) -> bool:
    """Whether this is a run of Airflow ("retrain/RUN"), which does not name the person who triggered it."""
    return requested_by.startswith(f"{DAG}/")


def store_request(connection: Connection, decision: DecisionRecord, people: Collection[str]) -> None:
    """Append who asked for this decision, unless rows name all of them already.

    people: who triggered or cleared the run of Airflow, or gave the command; empty for a run that nobody touched.
    """
    requesters = people_behind(connection, decision.requested_by, people)
    recorded = recorded_requesters(connection, decision.decision_id)
    if recorded is None or not requesters <= recorded:
        facts = {
            "decision_id": decision.decision_id,
            "requested_by": decision.requested_by,
            "people": sorted(people),
            "requesters": sorted(requesters),
        }
        ledger.append(connection, APPROVAL_REQUEST, facts)


def recorded_requesters(connection: Connection, decision_id: int) -> set[str] | None:
    """The people who count as requesters of a decision; None when no row says who they are."""
    rows = [
        facts
        for entry in ledger.genuine_entries(connection, (APPROVAL_REQUEST,))
        for facts in (entry.facts(),)
        if facts["decision_id"] == decision_id
    ]
    return {name for facts in rows for name in facts["requesters"]} if rows else None


def people_behind(connection: Connection, requested_by: str, known: Collection[str]) -> set[str]:
    """The requesters, and whoever issued a token to one: a name made up by an approver is that approver."""
    people = set(known)
    if not of_airflow(requested_by):
        people.add(requested_by.partition("/")[0])
    issued = [entry.facts() for entry in ledger.genuine_entries(connection, ("token_issued",))]
    # an earlier release issued tokens to names that look like runs
    people |= {facts["name"] for facts in issued} & {requested_by}
    while more := {facts["issuer"] for facts in issued if facts.get("issuer") and facts["name"] in people} - people:
        people |= more
    return people
