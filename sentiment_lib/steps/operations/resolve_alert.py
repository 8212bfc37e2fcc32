"""Resolve an alert by hand; the alert of a forged approval takes an approver, and a signed row of the ledger."""

from __future__ import annotations

from sentiment_lib.errors import BadInput
from sentiment_lib.steps.operations.sign_in import Person
from sentiment_lib.storage import alert_responses, alerts, forged_approvals
from sentiment_lib.storage.decisions import FORGED_APPROVAL
from sentiment_lib.storage.engine import Store


def run(store: Store, *, alert_id: int, person: Person, comment: str = "", verdict: str | None = None) -> None:
    """Resolve the alert in this person's name.

    That of a forged approval is settled by an approver of the decision's policy who neither requested the promotion nor
    gave the answer, also when somebody has resolved the alert elsewhere. Raises BadInput for others, and NotFound
    for an unknown alert, or another one that is not open.
    """
    with store.begin() as connection:
        alert = alerts.require(connection, alert_id)
        forged = alert.kind == FORGED_APPROVAL
        number = forged_approvals.decision_of(alert.dedup_key) if forged else 0
        if forged and (problem := forged_approvals.refusal(connection, number, person.name)):
            raise BadInput(what=f"alert {alert_id}", problem=f"{problem}; another approver resolves it")
        if not forged or alert.resolved_at is None:
            alert_responses.respond(connection, alert_id, "resolve", by=person.name, comment=comment, verdict=verdict)
        if forged:
            forged_approvals.record_resolution(
                connection, number, by=person.name, comment=comment.strip(), provenance=person.provenance
            )
