"""Commands about the configuration: each setting with its value and where it came from, and a check of all of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sentiment_lib.cli.common import Json, show
from sentiment_lib.cli.terminal.table import draw


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
    from sentiment_lib.errors import NotFound, did_you_mean
    from sentiment_lib.settings import load_settings, sources

    known = sources(load_settings())
    found = [
        row for row in known if (words or "").upper() in row.variable and not (changed and row.source == "default")
    ]
    if words and not any(words.upper() in row.variable for row in known):
        nearest = did_you_mean(words, [name for row in known for name in _names(row.variable)])
        raise NotFound(f"There is no setting whose name contains '{words}'.{nearest}")
    cells = [(row.variable, row.value, row.source) for row in found]
    show(found, as_json, draw(("variable", "value", "from"), cells) or "Every setting has its default")


def _names(variable: str) -> tuple[str, str]:
    """How a person may name a setting: the whole variable, or its last part, in lower case."""
    return variable.casefold(), variable.rpartition("__")[2].removeprefix("SENTIMENT_").casefold()


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
