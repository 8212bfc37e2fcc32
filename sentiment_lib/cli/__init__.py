"""The command line: each step of the platform is a command; Airflow runs the same steps."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from sentiment_lib.cli.common import MISUSE, report_error, usage_error

#: Modules of commands, each with `register(app)`, by heading of `sentiment --help`.
PANELS = {
    "Stack": ("stack", "people", "configuration", "doctor"),
    "Tweets and predictions": (
        "tweets.ingestion",
        "tweets.scoring",
        "tweets.predict",
        "tweets.labels",
        "serve",
        "tweets.sample",
        "tweets.forget",
    ),
    "Monitoring": ("monitoring", "alerts", "metrics"),
    "Models and decisions": (
        "models.catalogue",
        "models.training",
        "models.replay",
        "models.policies",
        "models.decisions",
        "models.approvals",
        "models.deployment",
    ),
    "Operation and proof": ("operations", "backup", "signing_keys"),
}


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("airline-sentiment"))
        raise typer.Exit


def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Sentiment of tweets about airlines: ingest, score, detect drift, retrain, decide, deploy."""


def build() -> typer.Typer:
    """The application with all commands."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(options)
    for panel, groups in PANELS.items():
        known = len(app.registered_commands), len(app.registered_groups)
        for group in groups:
            import_module(f"sentiment_lib.cli.{group}").register(app)
        for command in app.registered_commands[known[0] :]:
            command.rich_help_panel = panel
        for typer_group in app.registered_groups[known[1] :]:
            typer_group.rich_help_panel = panel
    return app


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 failed or a check did not pass, 2 usage error, 130 interrupted.

    An error is one line on stderr, or one JSON object there under `--json`; SENTIMENT_TRACEBACK=1 shows the traceback
    of an unexpected one.
    """
    os.umask(0o077)  # what this process and its children write is their owner's
    raise SystemExit(run(build()))


def run(application: Any) -> int:
    """Run the command line of this process and return its exit code."""
    as_json = "--json" in sys.argv[1:]
    try:
        return application(standalone_mode=False) or 0
    except usage_error() as error:
        # without a command, Typer has printed the help already
        if type(error).__name__ != "NoArgsIsHelpError":
            report_error(error, as_json=as_json)
        return MISUSE
    except (Exception, typer.Abort) as error:
        if os.environ.get("SENTIMENT_TRACEBACK"):
            raise
        report_error(error, as_json=as_json)
        return 1
