"""Commands for the embedded stack: Postgres, MLflow, Airflow and the API on this machine, on loopback only."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment_lib.cli.common import Json, open_store, show

if TYPE_CHECKING:
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
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Port; default: SENTIMENT_PORT_…, else the component's usual port."),
]
#: Name of the API key in the login table.
LOCAL = "local"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(logins)


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return once everything is healthy.")] = False,
    sample: Annotated[
        bool,
        typer.Option(
            help="On an empty database, ingest synthetic tweets, run the loop once, and let the stream go on."
        ),
    ] = True,
    port_airflow: Port = None,
    port_mlflow: Port = None,
    port_postgres: Port = None,
    port_api: Port = None,
) -> None:
    """Start Postgres, MLflow, Airflow and the API; Ctrl-C or `sentiment down` stops them."""
    from sentiment_lib.local import stack
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.training import family_selection

    # fail now rather than at the first scheduled retrain
    family_selection.select_families(load_settings())
    stack.choose_ports(airflow=port_airflow, mlflow=port_mlflow, postgres=port_postgres, api=port_api)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs each question whether a server is up
    if detach:
        with _progress() as progress:
            stack.detach(sample=sample, show=progress)
        _print_logins()
        return
    with _progress() as progress:
        stack.supervise(sample=sample, show=progress, ready=_print_logins, make_key=local_key)


def down(as_json: Json = False) -> None:
    """Stop everything that `sentiment up` started."""
    from sentiment_lib.local import stack

    stopped = stack.down()
    show({"stopped": stopped}, as_json, "Stopped" if stopped else "Nothing was running")


def status(as_json: Json = False) -> None:
    """Show the health of each component, and whether the first loop still runs; exit code 1 unless all are healthy."""
    from sentiment_lib.local import first_loop, stack

    state = stack.status() | {"first_loop": first_loop.state()}
    lines = [
        f"{SYMBOLS[component['state']]} {name}: {component['state']}, restarts {component['restarts']}"
        + (f"; {component['problem']}" if component.get("problem") else "")
        for name, component in state["components"].items()
    ]
    lines.append(_summary(state))
    show(state, as_json, "\n".join(lines))
    if not state["healthy"]:
        raise typer.Exit(1)


def _summary(state: Mapping[str, Any]) -> str:
    """The last line of `sentiment status`."""
    from sentiment_lib.local import first_loop

    if not state["supervisor"]:
        return "not up: `sentiment up`"
    if not state["up"]:
        failed = any(component["state"] == "failed" for component in state["components"].values())
        return "starting, and a component failed" if failed else "starting, wait for it"
    words = "up" if state["healthy"] else "up, but not healthy"
    if state["first_loop"] == "running":
        return f"{words}; {first_loop.WAIT}"
    if state["first_loop"] == "failed":
        return f"{words}; a run of the first loop failed: `sentiment doctor`"
    return words


def logins(as_json: Json = False) -> None:
    """Show addresses, users and passwords of the running stack again."""
    from sentiment_lib.errors import StackNotRunning, StackStarting
    from sentiment_lib.local import stack

    state = stack.status()
    if not state["up"]:
        raise StackStarting if state["supervisor"] else StackNotRunning
    if as_json:
        names = ("component", "address", "user", "password")
        show([dict(zip(names, login, strict=True)) for login in stack.logins()], as_json, "")
    else:
        _print_logins()


def local_key() -> str:
    """Create the API key `local` for whoever started the stack; replaces one whose value was never written down."""
    from sentiment_lib.errors import NotFound
    from sentiment_lib.serving import api_keys

    with open_store() as (store, _):
        with suppress(NotFound):
            api_keys.revoke(store, LOCAL)
        return api_keys.create(store, LOCAL, ("predict", "feedback", "label"))


@contextmanager
def _progress() -> Iterator[Show]:
    """A live status line on a terminal, else one line per change of state."""
    from rich.console import Console
    from rich.status import Status

    console = Console(stderr=True)
    last: dict[str, str] = {}
    if not console.is_terminal:
        console.print("Starting the stack …")
    with Status("starting", console=console) as line:

        def show_states(states: dict[str, str]) -> None:
            line.update("  ".join(f"{SYMBOLS[state]} {name}" for name, state in states.items()) or "starting")
            for name, state in states.items():
                if last.get(name) != state and state in ("healthy", "done", "failed", "unwell", "restarting"):
                    console.print(f"{SYMBOLS[state]} {name} {state}")
            last.update(states)
            if states and all(state in ("healthy", "done") for state in states.values()):
                line.stop()

        yield show_states


def _print_logins() -> None:
    """Print the login table; passwords go to a terminal or a pipe, never to a log file."""
    import sys

    from rich.console import Console

    from sentiment_lib.cli.terminal import login_table
    from sentiment_lib.local import stack
    from sentiment_lib.settings import home_folder
    from sentiment_lib.sources import living_sample

    if stack.writes_to_log(sys.stdout):
        print("ready")
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    login_table.draw(console, stack.logins(), stack.log_folder(), sample=living_sample.lives(home_folder()))
