"""Who may move the champion by a run of Airflow: an approver of the stack's policy, as Airflow recorded its author.

Airflow's roles say who may trigger a run of any DAG, so they do not say who may move the champion.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput
from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity
from sentiment_lib.storage import ledger
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store

#: Kind of the alert and of the ledger row about a run that was refused.
ALERT, REFUSAL = "refused_run", "command_refused"


@dataclass(frozen=True, kw_only=True)
class RunAuthor:
    """The people behind a run of Airflow, as Airflow recorded them; its parameters name nobody."""

    #: "dag_id/run_id"
    run_id: str
    #: who triggered it; None for nobody
    triggered_by: str | None
    #: who cleared it besides
    others: frozenset[str] = frozenset()


def require_approver(store: Store, policy: Policy, author: RunAuthor, command: str) -> str:
    """The approver in whose name the run acts.

    Raises BadInput for anybody else, and for a run that somebody else cleared; the ledger has the refusal, once for
    each run, and a critical alert opens.
    """
    who = author.triggered_by
    if who is None or who not in policy.approval.approvers:
        problem = "only approvers may do this"
    elif author.others:
        problem = f"{', '.join(sorted(author.others))} cleared this run of {who}: trigger a new one"
    else:
        return who
    facts = {"command": command, "person": who, "channel": "airflow", "run": author.run_id, "problem": problem}
    with store.begin() as connection:
        open_alert(
            connection,
            kind=ALERT,
            severity=Severity.CRITICAL,
            dedup_key=f"{ALERT}/{author.run_id}",
            title=f"The platform refused `{command}` by {who or 'nobody'}",
            body=f"Run {author.run_id}: {problem}. The champion was not moved.",
            evidence_link="/sentiment/decisions",
        )
        if ledger.find_genuine(connection, REFUSAL, {"run": author.run_id, "problem": problem}) is None:
            ledger.append(connection, REFUSAL, facts)
    raise BadInput(what=f"`{command}` by {who or 'nobody'}", problem=problem)


def has_acted(connection: Connection, author: RunAuthor) -> bool:
    """Whether the ledger has a command of this run."""
    return author.run_id in {entry.facts().get("run") for entry in ledger.genuine_entries(connection, ("command",))}


def record_command(connection: Connection, author: RunAuthor, command: str) -> None:
    """Record in the ledger that this run gives the command."""
    facts = {"command": command, "person": author.triggered_by, "channel": "airflow", "run": author.run_id}
    ledger.append(connection, "command", facts)
