"""Promote a candidate by force at the request of a run of Airflow, in the name of the approver who triggered it."""

from __future__ import annotations

from sentiment_lib.errors import BadInput
from sentiment_lib.records import Deployment
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import promote
from sentiment_lib.storage import ledger
from sentiment_lib.storage.engine import Store


def run(store: Store, settings: Settings, *, decision_id: int, reason: str, by: str | None, run_id: str) -> Deployment:
    """The forced deployment; run again after a kill, it finishes or returns the same one.

    Raises BadInput unless an approver of the policy triggered the run and gave a reason; else as `promote.force`.
    """
    if by is None or by not in settings.policy.approval.approvers:
        raise BadInput(what=f"a forced promotion by {by or 'nobody'}", problem="only approvers may do this")
    with store.begin() as connection:
        if run_id not in {entry.facts().get("run") for entry in ledger.genuine_entries(connection, ("command",))}:
            facts = {"command": f"promote {decision_id} --force", "person": by, "channel": "airflow", "run": run_id}
            ledger.append(connection, "command", facts)
    return promote.force(store, settings, decision_id=decision_id, reason=reason, by=by)
