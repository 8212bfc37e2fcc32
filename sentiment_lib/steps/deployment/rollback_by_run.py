"""Roll the champion back at the request of a run of Airflow, in the name of the approver who triggered it."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput
from sentiment_lib.records import Deployment
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import rollback, run_author
from sentiment_lib.steps.deployment.run_author import RunAuthor
from sentiment_lib.storage.engine import Store


def run(store: Store, settings: Settings, *, to_version: int, reason: str, author: RunAuthor) -> Deployment:
    """The deployment that moved the alias back; run again after a kill, it finishes or returns the same one.

    A run rolls back only once. Raises BadInput unless an approver of the policy triggered it; else as `rollback.run`.
    """
    command = f"rollback {to_version}"
    by = run_author.require_approver(store, settings.policy, author, command)
    with store.begin() as connection:
        alert = rollback.alert_by_hand(connection, to_version=to_version, reason=reason, by=by)
    claim = partial(_claim, author, command)
    return rollback.run(store, settings, to_version=to_version, reason=reason, by=by, alert=alert, claim=claim)


def _claim(author: RunAuthor, command: str, connection: Connection) -> None:
    """Record that this run rolls back. Raises BadInput when it has done so before."""
    if run_author.has_acted(connection, author):
        raise BadInput(what=f"run {author.run_id}", problem="it has rolled back before: trigger a new one")
    run_author.record_command(connection, author, command)
