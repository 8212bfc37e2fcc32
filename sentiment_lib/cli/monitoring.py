"""Commands that monitor the stream and the champion: drift, accuracy, a profile of labelled data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sentiment_lib.cli.common import Columns, Json, open_store, parse_columns, parse_moment, show, show_facts
from sentiment_lib.cli.terminal.progress_bar import progress_bar


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(drift)
    app.command("check-accuracy")(check_accuracy)
    app.command()(explore)


def drift(
    at: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_moment,
            metavar="TIME",
            help="End of the current window, such as 2026-12-24T18:00 (UTC); default: now.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the current window of tweets with the reference window."""
    from sentiment_lib.console import drift as drift_view
    from sentiment_lib.console.signal_names import signal_name
    from sentiment_lib.drift.attribution import sentence
    from sentiment_lib.steps.monitoring import check_drift

    with open_store() as (store, settings), progress_bar("Checking drift"):
        report = check_drift.run(store, settings, at=at)
    window = f"{report.current.start:%Y-%m-%d %H:%M} to {report.current.end:%Y-%m-%d %H:%M} UTC"
    lines = [f"Report {report.report_id}: {report.verdict} ({window})"]
    for signal in report.signals:
        if signal["drifted"]:
            effect = f"effect {signal['effect']:.3f} (threshold {signal['floor']:.3f}), p {signal['adjusted']:.2g}"
            lines.append(f"  {signal_name(signal)}: {effect}")
    if report.verdict != "too_few":
        policy = settings.policy.drift
        lines.append(f"  {drift_view.impact(report, policy)}")
    causes = report.details.get("attribution")
    if isinstance(causes, dict):
        lines.append(f"  {sentence(causes)}")
    if report.html_path:
        lines.append(f"  {settings.reports / report.html_path}")
    show(report, as_json, "\n".join(lines))


def check_accuracy(as_json: Json = False) -> None:
    """Test whether the champion's accuracy declined since its promotion; if so, request a retrain."""
    from sentiment_lib.pages import formatting
    from sentiment_lib.steps.monitoring import champion_decline as step

    with open_store() as (store, settings):
        result = step.run(store, settings)
    if result is None:
        show(None, as_json, "The champion has no decision, hence no accuracy to compare with")
        return
    test = result.verdict
    measured = "unknown" if test.measured is None else formatting.percent(test.measured)
    text = (
        f"Version {result.champion}: accuracy {measured} on {test.labels} audit labels, "
        f"{formatting.percent(test.promised)} at its promotion, evidence {test.evidence:.2f} of {test.bound:.0f}"
    )
    show(
        result,
        as_json,
        text + (f", retrain requested: {result.retrain_request.reason}" if result.retrain_request else ""),
    )


def explore(
    what: Annotated[str, typer.Argument(help="Snapshot id, or a file of labelled tweets (CSV, Parquet).")],
    to: Annotated[Path, typer.Option(help="HTML page to write.")] = Path("explore.html"),
    preset: Annotated[
        str | None, typer.Option(help="plain, airline, semeval or sentiment140; the one that fits best by default.")
    ] = None,
    column: Columns = None,
    as_json: Json = False,
) -> None:
    """Write an HTML profile of labelled tweets: classes, words, lengths, duplicates, conflicting labels."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.monitoring import explore as step

    with progress_bar(f"Profiling {what}"):
        facts = step.run(load_settings(), what=what, to=to, preset=preset, columns=parse_columns(column))
    show_facts(as_json, **facts)
