"""Commands of the API: serve, and its keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sentiment_lib.storage.engine import Store

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of words")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(serve)
    keys = typer.Typer(no_args_is_help=True, help="Keys of the API.")
    keys.command("create")(create_key)
    keys.command("revoke")(revoke_key)
    keys.command("list")(list_keys)
    app.add_typer(keys, name="keys")


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Serve the API, the test page and the labelling page until stopped."""
    from sentiment_lib.errors import MissingExtra

    try:
        from sentiment_lib.serving import server
    except ModuleNotFoundError as error:
        raise MissingExtra(what="The API", package=error.name or "fastapi", extra="serving") from error
    server.run(host, port)


def create_key(
    name: Annotated[str, typer.Argument(help="who will use it; feedback and labels carry this name")],
    role: Annotated[list[str], typer.Option(help="predict, feedback or admin; may be repeated")],
    as_json: Json = False,
) -> None:
    """Make a key. It is shown now and never again: only its hash is stored."""
    from sentiment_lib.serving import api_keys

    key = api_keys.create(_store(), name, tuple(role))
    typer.echo(json.dumps({"name": name, "roles": role, "key": key}) if as_json else key)


def revoke_key(name: str, as_json: Json = False) -> None:
    """End a key; it opens nothing a few seconds later."""
    from sentiment_lib.serving import api_keys

    api_keys.revoke(_store(), name)
    typer.echo(json.dumps({"revoked": name}) if as_json else f"{name} is revoked")


def list_keys(as_json: Json = False) -> None:
    """Names and roles of the keys in use."""
    from dataclasses import asdict

    from sentiment_lib.serving import api_keys

    found = api_keys.in_use(_store())
    if as_json:
        typer.echo(json.dumps([asdict(key) for key in found], default=str))
    elif not found:
        typer.echo("No keys: sentiment keys create NAME --role predict --role feedback")
    for key in found if not as_json else ():
        typer.echo(f"{key.name:30} {', '.join(key.roles):24} since {key.created_at:%Y-%m-%d}")


def _store() -> Store:
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    return Store.open(load_settings())
