"""Promote a candidate by force at the request of a run of Airflow, in the name of the approver who triggered it."""

from __future__ import annotations

from sentiment_lib.records import Deployment
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import promote, run_author
from sentiment_lib.steps.deployment.run_author import RunAuthor
from sentiment_lib.storage.engine import Store


def run(store: Store, settings: Settings, *, decision_id: int, reason: str, author: RunAuthor) -> Deployment:
    """The forced deployment; run again after a kill, it finishes or returns the same one.

    Raises BadInput unless an approver of the policy triggered the run and gave a reason; else as `promote.force`.
    """
    command = f"promote {decision_id} --force"
    by = run_author.require_approver(store, settings.policy, author, command)
    with store.begin() as connection:
        if not run_author.has_acted(connection, author):
            run_author.record_command(connection, author, command)
    return promote.force(store, settings, decision_id=decision_id, reason=reason, by=by)
