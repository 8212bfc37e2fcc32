"""Commands for the embedded stack: Postgres, MLflow, Airflow and the API on this machine, on loopback only."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from sentiment_lib.local.stack import Show

SYMBOLS = {
    "waiting": "·",
    "starting": "…",
    "unwell": "!",
    "restarting": "↻",
    "healthy": "✓",
    "done": "✓",
    "failed": "✗",
}
Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="instead of SENTIMENT_PORT_… and the default")]
#: name of the API key that the login table shows
LOCAL = "local"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything runs.")] = False,
    sample: Annotated[bool, typer.Option(help="At the first start, run the loop on the sample stream.")] = True,
    port_airflow: Port = None,
    port_mlflow: Port = None,
    port_postgres: Port = None,
    port_api: Port = None,
) -> None:
    """Start Postgres, MLflow, Airflow and the API; Ctrl-C or `sentiment down` stops them."""
    from sentiment_lib.local import stack
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.training import family_selection

    # a name that is no family's would show at the first retrain, in the night
    family_selection.chosen(load_settings())
    stack.choose_ports(airflow=port_airflow, mlflow=port_mlflow, postgres=port_postgres, api=port_api)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if detach:
        with _progress() as show:
            stack.detach(sample=sample, show=show)
        _print_logins()
        return
    with _progress() as show:
        stack.supervise(sample=sample, show=show, ready=_print_logins, make_key=_local_key)


def down(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Stop everything that `sentiment up` started."""
    from sentiment_lib.local import stack

    stopped = stack.down()
    print(json.dumps({"stopped": stopped}) if as_json else "Stopped." if stopped else "Nothing was running.")


def status(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Health of each component; exit code 1 when the stack is not up and well."""
    from sentiment_lib.local import stack

    found = stack.status()
    if as_json:
        print(json.dumps(found))
    else:
        for name, part in found["components"].items():
            print(f"{SYMBOLS[part['state']]} {name}: {part['state']}, restarts {part['restarts']}")
        print("up" if found["healthy"] else "not up" if not found["up"] else "up, but not well")
    raise SystemExit(0 if found["healthy"] else 1)


def _local_key() -> str:
    """A key for the one who started the stack; takes the place of one that was made and never written down."""
    from sentiment_lib.errors import NotFound
    from sentiment_lib.serving import api_keys
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage.engine import Store

    store = Store.open(load_settings())
    try:
        with suppress(NotFound):
            api_keys.revoke(store, LOCAL)
        return api_keys.create(store, LOCAL, ("predict", "feedback"))
    finally:
        store.close()


@contextmanager
def _progress() -> Iterator[Show]:
    """Live line on a terminal; elsewhere a line for each change."""
    from rich.console import Console
    from rich.status import Status

    console = Console(stderr=True)
    last: dict[str, str] = {}
    with Status("starting", console=console) as line:

        def show(states: dict[str, str]) -> None:
            line.update("  ".join(f"{SYMBOLS[state]} {name}" for name, state in states.items()) or "starting")
            for name, state in states.items():
                if last.get(name) != state and state in ("healthy", "done", "failed", "unwell", "restarting"):
                    console.print(f"{SYMBOLS[state]} {name} {state}")
            last.update(states)
            if states and all(state in ("healthy", "done") for state in states.values()):
                line.stop()

        yield show


def _print_logins() -> None:
    """The one place where passwords are shown: a terminal's login table, never a log file."""
    import sys

    from rich.console import Console

    from sentiment_lib.cli import login_table
    from sentiment_lib.local import stack

    if not sys.stdout.isatty() and _is_log():
        print("ready")
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    login_table.draw(console, stack.logins(), stack.log_folder())


def _is_log() -> bool:
    """True in the process that `--detach` started: its output is a file."""
    import os

    return os.getsid(0) == os.getpid()
