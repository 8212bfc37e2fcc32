"""The command doctor: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import typer

from sentiment_lib.cli.common import Json, show

SYMBOLS = {"ok": "✓", "waiting": "…", "warning": "!", "failed": "✗"}


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(doctor)


def doctor(as_json: Json = False) -> None:
    """Check this installation: settings, disk, stack, database, champion, API; exit code 1 when a check fails.

    What the stack or its first loop is still about to bring is no failure: it says what to wait for.
    """
    from sentiment_lib.local import diagnostics

    found = []
    for diagnosis in diagnostics.run():
        found.append(diagnosis)
        if not as_json:
            typer.echo(f"{SYMBOLS[diagnosis.state]} {diagnosis.check}: {diagnosis.finding}")
            if diagnosis.remedy:
                typer.echo(f"    → {diagnosis.remedy}")
    if as_json:
        show(found, as_json, "")
    if any(diagnosis.state == "failed" for diagnosis in found):
        raise typer.Exit(1)
