"""The command line: one command per step, same step and same result as in the DAGs."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from sentiment_lib.errors import SentimentError

#: Modules of commands; each has `register(app)`.
GROUPS = ("stack", "ingestion", "lifecycle", "decisions", "monitoring", "serve", "labels")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point; an error of ours is one line on stderr and exit code 1, never a traceback."""
    for group in GROUPS:
        import_module(f"sentiment_lib.cli.{group}").register(app)
    try:
        app()
    except SentimentError as error:
        print(f"sentiment: {error}", file=sys.stderr)
        raise SystemExit(1) from None
