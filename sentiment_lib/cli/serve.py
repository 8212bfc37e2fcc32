"""Commands of the API: serve it, and manage its keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from sentiment_lib.cli.common import Json, open_store, show


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(serve)
    keys = typer.Typer(no_args_is_help=True, help="API keys.")
    keys.command("create")(create_key)
    keys.command("rotate")(rotate_key)
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
    role: Annotated[list[str], typer.Option(help="predict, feedback, label, privacy or admin; may be repeated.")],
    expires: Annotated[str, typer.Option(help="Lifetime, such as 90d or 12h, or never.")] = "365d",
    as_json: Json = False,
) -> None:
    """Create a key and print it once; only its hash is stored."""
    from sentiment_lib.serving import api_keys
    from sentiment_lib.storage import people

    with open_store() as (store, settings):
        named = people.named_in(settings.policy)
        key = api_keys.create(store, name, tuple(role), lifetime=_span(expires), people=named)
    show({"name": name, "roles": role, "key": key}, as_json, key)


def rotate_key(
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    overlap: Annotated[str, typer.Option(help="How long the present key still works, such as 1d or 12h.")] = "1d",
    expires: Annotated[str, typer.Option(help="Lifetime of the new key, such as 90d, or never.")] = "365d",
    as_json: Json = False,
) -> None:
    """Replace a key by a new one and print it once; the present one works until the overlap ends."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.serving import api_keys

    span = _span(overlap)
    if span is None:
        raise BadInput(what="--overlap", problem="it needs an end, such as 1d")
    with open_store() as (store, _):
        key = api_keys.rotate(store, name, overlap=span, lifetime=_span(expires))
    show({"name": name, "overlap": overlap, "key": key}, as_json, key)


def revoke_key(name: Annotated[str, typer.Argument(help="Name of the key.")], as_json: Json = False) -> None:
    """Revoke a key; every API process refuses it within seconds."""
    from sentiment_lib.serving import api_keys

    with open_store() as (store, _):
        api_keys.revoke(store, name)
    show({"revoked": name}, as_json, f"{name} is revoked")


def list_keys(as_json: Json = False) -> None:
    """List the keys that are not revoked: roles, expiry and use."""
    from sentiment_lib.serving import api_keys

    with open_store() as (store, _):
        keys = api_keys.in_use(store)
    lines = [
        f"{key.name:30} {', '.join(key.roles):32} since {key.created_at:%Y-%m-%d}, "
        + (f"expires {key.expires_at:%Y-%m-%d}, " if key.expires_at else "never expires, ")
        + (f"used {key.use_count} times, last {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used")
        for key in keys
    ]
    show(
        keys,
        as_json,
        "\n".join(lines)
        or "No keys; create one: sentiment keys create NAME --role predict --role feedback --role label",
    )


def _span(text: str) -> timedelta | None:
    """A time such as 90d, 12h or 30m; None for "never". Raises BadInput."""
    from sentiment_lib.errors import BadInput

    if text == "never":
        return None
    units = {"d": "days", "h": "hours", "m": "minutes"}
    if not (text[:-1].isascii() and text[:-1].isdigit() and text[-1] in units and len(text) <= 6):
        raise BadInput(what=f"the time {text!r}", problem="write it as 90d, 12h, 30m or never")
    return timedelta(**{units[text[-1]]: int(text[:-1])})
