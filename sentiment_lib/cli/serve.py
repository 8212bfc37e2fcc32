"""Commands of the API: serve it, and manage its keys."""

from __future__ import annotations

from typing import Annotated

import typer

from sentiment_lib.cli.common import Json, open_store, show


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(serve)
    keys = typer.Typer(no_args_is_help=True, help="API keys.")
    keys.command("create")(create_key)
    keys.command("revoke")(revoke_key)
    keys.command("list")(list_keys)
    app.add_typer(keys, name="keys")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve the API and its pages Try and Label until stopped."""
    from sentiment_lib.errors import MissingExtra

    try:
        from sentiment_lib.serving import server
    except ModuleNotFoundError as error:
        raise MissingExtra(what="The API", package=error.name or "fastapi", extra="serving") from error
    server.run(host, port)


def create_key(
    name: Annotated[str, typer.Argument(help="Name of the key; feedback and labels are recorded under it.")],
    role: Annotated[list[str], typer.Option(help="predict, feedback or admin; may be repeated.")],
    as_json: Json = False,
) -> None:
    """Create a key and print it once; only its hash is stored."""
    from sentiment_lib.serving import api_keys

    with open_store() as (store, _):
        key = api_keys.create(store, name, tuple(role))
    show({"name": name, "roles": role, "key": key}, as_json, key)


def revoke_key(name: Annotated[str, typer.Argument(help="Name of the key.")], as_json: Json = False) -> None:
    """Revoke a key; every API process refuses it within seconds."""
    from sentiment_lib.serving import api_keys

    with open_store() as (store, _):
        api_keys.revoke(store, name)
    show({"revoked": name}, as_json, f"{name} is revoked")


def list_keys(as_json: Json = False) -> None:
    """List names and roles of the keys in use."""
    from sentiment_lib.serving import api_keys

    with open_store() as (store, _):
        keys = api_keys.in_use(store)
    lines = [f"{key.name:30} {', '.join(key.roles):24} since {key.created_at:%Y-%m-%d}" for key in keys]
    show(
        keys,
        as_json,
        "\n".join(lines) or "No keys; create one: sentiment keys create NAME --role predict --role feedback",
    )
