"""Commands about the right to approve: pending requests, and delegation for a time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from sentiment_lib import clock
from sentiment_lib.cli.common import Json, open_store, parse_moment, show
from sentiment_lib.cli.token_file import authorise


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="Pending approvals, and delegations of the right to give one.")
    group.command("list")(list_pending)
    group.command()(delegate)
    app.add_typer(group, name="approvals")


def list_pending(as_json: Json = False) -> None:
    """List pending approvals with the votes given so far, and the delegations that hold."""
    from sentiment_lib.steps.decisions import approval_rights
    from sentiment_lib.storage import approval_votes, decisions

    with open_store() as (store, settings), store.begin() as connection:
        policy = settings.policy.approval
        pending = [
            {
                "decision_id": one.decision_id,
                "candidate_version": one.candidate_version,
                "expires_at": one.decided_at + policy.expires_after,
                "approved_by": [vote.answered_by for vote in approval_votes.of_decision(connection, one.decision_id)],
                "needed": approval_rights.remaining(connection, policy, one.decision_id),
            }
            for one in decisions.waiting(connection)
        ]
        held = approval_votes.active_delegations(connection, clock.now())
    lines = [
        f"Decision {one['decision_id']}: version {one['candidate_version']}, {one['needed']} more of {policy.quorum} "
        f"approvals needed, expires {one['expires_at']:%Y-%m-%d %H:%M} UTC"
        for one in pending
    ]
    lines += [f"{one.delegate} may approve for {one.principal} until {one.until:%Y-%m-%d %H:%M} UTC" for one in held]
    show({"pending": pending, "delegations": held}, as_json, "\n".join(lines) or "Nothing is pending")


def delegate(
    to: Annotated[str, typer.Option("--to", help="Who may approve in your place, by the name of their login.")],
    until: Annotated[
        datetime,
        typer.Option(
            parser=parse_moment,
            metavar="TIME",
            help="When it ends, such as 2026-12-24T18:00 (UTC); a past time ends it.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Let another person approve or reject in your place until a time. Approvers only; recorded in the ledger."""
    from sentiment_lib.steps.decisions import delegate as step

    with open_store() as (store, settings):
        person = authorise(store, settings, f"approvals delegate --to {to}", approver=True)
        record = step.run(store, person=person.name, delegate=to, until=until, provenance=person.provenance)
    text = f"{record.delegate} may approve for {record.principal} until {record.until:%Y-%m-%d %H:%M} UTC"
    show(record, as_json, text if record.until > record.since else f"The delegation to {record.delegate} has ended")
