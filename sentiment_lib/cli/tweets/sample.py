"""The command that removes the synthetic tweets."""

from __future__ import annotations

from typing import Annotated

import typer

from sentiment_lib.cli.common import Json, open_store, show
from sentiment_lib.cli.token_file import authorise


def register(app: typer.Typer) -> None:
    """Add this group's command."""
    group = typer.Typer(no_args_is_help=True, help="The synthetic tweets of the first start.")
    group.command()(remove)
    group.callback()(lambda: None)
    app.add_typer(group, name="sample")


def remove(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """End the sample stream and delete its tweets with their predictions, labels and drift reports."""
    from sentiment_lib.steps.operations import remove_sample

    with open_store() as (store, settings):
        person = authorise(store, settings, "sample remove")
        if not yes:
            typer.confirm("Delete every synthetic tweet, and all that refers to it?", abort=True)
        removed = remove_sample.run(store, settings, by=person.name)
    text = f"{removed.tweets:,} synthetic tweets removed" + (", and their stream has ended" if removed.ended else "")
    if removed.champion_is_synthetic:
        text += (
            f"\nVersion {removed.champion}, the champion, was trained on synthetic tweets: it serves until a retrain "
            "on your own labels is promoted"
        )
    show(removed, as_json, text)
