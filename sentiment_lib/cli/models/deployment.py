"""Commands that move the champion alias: bootstrap, promote, rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from sentiment_lib.cli.common import Json, open_store, show
from sentiment_lib.cli.token_file import authorise


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(bootstrap)
    app.command()(promote)
    app.command()(rollback)


def bootstrap(as_json: Json = False) -> None:
    """Register VADER as the first champion, if there is no champion."""
    from sentiment_lib.steps.deployment import bootstrap as step

    with open_store() as (store, settings):
        champion = step.run(store, settings)
    show(champion, as_json, f"The champion is version {champion.version} ({champion.family})")


def promote(
    decision_id: Annotated[int, typer.Argument(help="Id of an approved decision.")],
    force: Annotated[
        bool, typer.Option("--force", help="Skip gate and approval; recorded in the ledger, opens an alert.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Reason; required with --force.")] = "",
    as_json: Json = False,
) -> None:
    """Make the candidate of an approved decision the champion."""
    from sentiment_lib.steps.deployment import promote as step

    with open_store() as (store, settings):
        if force:
            person = authorise(store, settings, f"promote {decision_id} --force", approver=True)
            move = step.force(store, settings, decision_id=decision_id, reason=reason, by=person.name)
        else:
            move = step.run(store, settings, decision_id=decision_id)
    show(move, as_json, f"The champion is version {move.to_version} ({move.kind}; before: {move.from_version})")


def rollback(
    version: Annotated[int, typer.Argument(help="Version that was champion before.")],
    reason: Annotated[str, typer.Option(help="Reason, recorded in the ledger.")],
    as_json: Json = False,
) -> None:
    """Make an earlier champion the champion again."""
    from sentiment_lib.steps.deployment import rollback as step

    with open_store() as (store, settings):
        person = authorise(store, settings, f"rollback {version}", approver=True)
        move = step.by_hand(store, settings, to_version=version, reason=reason, by=person.name)
    show(move, as_json, f"The champion is version {move.to_version} again (before: {move.from_version})")
