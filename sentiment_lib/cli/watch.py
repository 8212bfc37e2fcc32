"""Commands that watch: drift, alerts, and a first look at data."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of words")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(drift)


def drift(
    at: Annotated[datetime | None, typer.Option(help="end of the current window (UTC when it has no zone)")] = None,
    as_json: Json = False,
) -> None:
    """Compare the current window of tweets with the reference window."""
    from dataclasses import asdict
    from datetime import UTC

    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps import check_drift
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    moment = at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
    report = check_drift.run(Store.open(settings), settings, at=moment)
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str))
        return
    typer.echo(f"Report {report.report_id}: {report.verdict} ({report.current.start} to {report.current.end})")
    for one in report.signals:
        if one["drifted"]:
            typer.echo(
                f"  {one['signal']}: effect {one['effect']:.3f} (floor {one['floor']:.3f}), p {one['adjusted']:.2g}"
            )
    if report.html_path:
        typer.echo(f"  {settings.reports / report.html_path}")
