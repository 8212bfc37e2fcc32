"""Commands of the signing keys: list and rotate."""

from __future__ import annotations

import typer

from sentiment_lib.cli.common import Json, show


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="Keys that sign the ledger, its anchors and model packages.")
    group.command("list")(list_keys)
    group.command()(rotate)
    app.add_typer(group, name="signing-keys")


def list_keys(as_json: Json = False) -> None:
    """List the public keys, oldest first; the last one signs."""
    from sentiment_lib.settings import load_settings

    keys = load_settings().key_ring.public_keys()
    lines = [
        f"{key.key_id}  {key.public_key}  from {key.valid_from:%Y-%m-%d %H:%M} UTC "
        + (f"until {key.valid_until:%Y-%m-%d %H:%M} UTC" if key.valid_until else "on, in use")
        for key in keys
    ]
    show(keys, as_json, "\n".join(lines) or "No keys yet: the first signature creates one")


def rotate(as_json: Json = False) -> None:
    """Sign with a new key from now on; what older keys signed still verifies."""
    from sentiment_lib.settings import load_settings

    key = load_settings().key_ring.rotate()
    show(key, as_json, f"{key.key_id} signs from now on; its public key is {key.public_key}")
