"""Commands of people: sign in and out, and tokens for scripts."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer

from sentiment_lib.cli.common import Json, open_store, show, show_facts
from sentiment_lib.cli.token_file import read_token, token_file, write_token


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(login)
    app.command()(logout)
    app.command()(whoami)
    group = typer.Typer(no_args_is_help=True, help="People who run commands, and their tokens.")
    group.command()(add)
    group.command("list")(list_tokens)
    group.command()(revoke)
    app.add_typer(group, name="people")


def login(
    user: Annotated[str, typer.Option("--user", prompt="User", help="Your user in Airflow.")],
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    as_json: Json = False,
) -> None:
    """Sign in with your user and password of Airflow; commands then know who you are for 12 hours."""
    from sentiment_lib.settings import require_identity_settings
    from sentiment_lib.steps.operations import sign_in
    from sentiment_lib.storage import stack_policy

    require_identity_settings()
    with open_store() as (store, settings):
        # before it asks for a password; a stack that is not running says so too
        stack_policy.require_same_identity(store, settings)
        password = sys.stdin.readline().rstrip("\n") if password_stdin else _ask_password()
        token, record = sign_in.login(store, settings, user=user, password=password)
        write_token(settings, token)
    facts = {"name": record.name, "expires_at": record.expires_at, "os_user": record.os_user}
    show(facts, as_json, f"You are {record.name} until {record.expires_at:%Y-%m-%d %H:%M} UTC")


def _ask_password() -> str:
    """The password, typed unseen. Raises LoginRefused where nobody can type: getpass would wait for it in the open."""
    from sentiment_lib.errors import LoginRefused

    if not sys.stdin.isatty():
        problem = (
            "there is no terminal to type a password in: pipe it with --password-stdin, or set SENTIMENT_TOKEN to a "
            "token of `sentiment people add NAME`"
        )
        raise LoginRefused(problem=problem)
    return str(typer.prompt("Password", hide_input=True))


def logout(as_json: Json = False) -> None:
    """Revoke the token of your login and remove it."""
    from sentiment_lib.steps.operations import sign_in

    with open_store() as (store, settings):
        sign_in.logout(store, read_token(settings))
        token_file(settings).unlink(missing_ok=True)
    show({"signed_in": False}, as_json, "You are signed out")


def whoami(as_json: Json = False) -> None:
    """Show who you are to the platform."""
    from sentiment_lib.steps.operations import sign_in

    with open_store() as (store, settings):
        person = sign_in.verify_token(store, read_token(settings))
    show(person, as_json, f"{person.name} (identified by {person.issued_by}; {person.os_user} on this machine)")


def add(
    name: Annotated[str, typer.Argument(help="Name of the person; recorded for every command under this token.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Days until the token expires.")] = 90,
    as_json: Json = False,
) -> None:
    """Issue a token for scripts (SENTIMENT_TOKEN) and print it once; only its hash is stored.

    With Airflow, sign in first: everybody issues tokens for himself, approvers also for people who may not approve.
    """
    from sentiment_lib.settings import require_identity_settings
    from sentiment_lib.steps.operations import sign_in
    from sentiment_lib.storage import stack_policy

    require_identity_settings()
    with open_store() as (store, settings):
        stack_policy.require_same_identity(store, settings)
        own_token = read_token(settings)
        issuer = sign_in.verify_token(store, own_token) if own_token else None
        token, record = sign_in.add_person(store, settings, name=name, lifetime=timedelta(days=days), issuer=issuer)
    show({"name": record.name, "expires_at": record.expires_at, "token": token}, as_json, token)


def list_tokens(as_json: Json = False) -> None:
    """List the tokens in use: whose, how they were issued, and until when."""
    from sentiment_lib.steps.operations import sign_in

    with open_store() as (store, _):
        tokens = sign_in.tokens(store)
    lines = [
        f"{token.name:30} {token.issued_by:12} to {token.os_user:16} until {token.expires_at:%Y-%m-%d %H:%M}"
        for token in tokens
    ]
    show(tokens, as_json, "\n".join(lines) or "No tokens; sign in: sentiment login")


def revoke(name: Annotated[str, typer.Argument(help="Name of the person.")], as_json: Json = False) -> None:
    """Revoke every token of a person."""
    from sentiment_lib.steps.operations import sign_in

    with open_store() as (store, _):
        tokens = sign_in.revoke_person(store, name)
    show_facts(as_json, name=name, revoked=tokens)
