"""Commands about the configuration: each setting with its value and where it came from, and a check of all of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sentiment_lib.cli.common import Json, show
from sentiment_lib.cli.table import draw


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="The settings of this installation.")
    group.command("show")(show_settings)
    group.command("check")(check_settings)
    app.add_typer(group, name="config")


def show_settings(
    words: Annotated[str | None, typer.Argument(help="Only settings whose name contains this.")] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that differ from their default.")] = False,
    as_json: Json = False,
) -> None:
    """List each setting: the variable, its value and whether it is a default, from the file or the environment."""
    from sentiment_lib.settings import load_settings, sources

    found = [
        row
        for row in sources(load_settings())
        if (words or "").upper() in row.variable and not (changed and row.source == "default")
    ]
    cells = [(row.variable, row.value, row.source) for row in found]
    show(found, as_json, draw(("variable", "value", "from"), cells) or "No such setting")


def check_settings(as_json: Json = False) -> None:
    """Check that every setting is valid; exit code 1 with the first one that is not."""
    from sentiment_lib.settings import load_settings, sources
    from sentiment_lib.steps.training import family_selection

    settings = load_settings()
    families = family_selection.select_families(settings)
    changed = sum(row.source != "default" for row in sources(settings))
    result: dict[str, Any] = {"ok": True, "changed": changed, "families": list(families), "home": str(settings.home)}
    text = f"The settings are valid: {changed} are set by you, the rest have their default; state is in {settings.home}"
    show(result, as_json, text)
