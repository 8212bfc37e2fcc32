"""Commands for tweets coming in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from sentiment_lib.cli.common import Columns, Json, Limit, open_store, parse_columns, show


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(ingest)
    app.command()(quarantine)
    app.command()(quality)


def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="CSV, JSON Lines or Parquet files, gzip or not.")] = None,
    preset: Annotated[str, typer.Option(help="plain, airline, semeval or sentiment140")] = "plain",
    column: Columns = None,
    name: Annotated[str | None, typer.Option(help="Name that the labels carry; the preset's or the file's.")] = None,
    landing: Annotated[bool, typer.Option(help="Read the landing folder.")] = False,
    x: Annotated[bool, typer.Option(help="Ask X for recent tweets.")] = False,
    sample: Annotated[bool, typer.Option(help="Make synthetic tweets, up to today.")] = False,
    days: Annotated[int, typer.Option(min=1, help="Days of the sample.")] = 14,
    per_day: Annotated[int, typer.Option(min=1, help="Tweets a day of the sample.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 1,
    as_json: Json = False,
) -> None:
    """Take tweets in; every row ends as stored, duplicate or quarantined."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.sources.base import Source
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.sources.sample_stream import SampleStream
    from sentiment_lib.steps.ingestion import ingest as step

    if not (paths or landing or x or sample):
        raise BadInput(what="`sentiment ingest` without a source", problem="name files, or --landing, --x or --sample")
    columns = parse_columns(column)
    # every file is looked at before the first is read
    sources: list[Source] = [FileSource(path, preset, columns, name) for path in paths or []]
    if sample:
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        sources.append(SampleStream(start=midnight - timedelta(days=days), days=days, per_day=per_day, seed=seed))
    with open_store() as (store, settings):
        results = [step.run(store, settings, source) for source in sources]
        if landing:
            results.extend(step.run_landing(store, settings))
        if x:
            results.extend(step.run_x(store, settings))
    lines = [
        f"{result.source}: {result.received} rows came in = {result.stored} stored + {result.duplicate} duplicate "
        f"+ {result.quarantined} quarantined; {result.labels} labels"
        for result in results
    ]
    show(results, as_json, "\n".join(lines))


def quarantine(limit: Limit = 20, as_json: Json = False) -> None:
    """List rows that could not be stored, newest first, with the reason."""
    from sentiment_lib.storage import ingests

    with open_store() as (store, _), store.begin() as connection:
        rows = ingests.list_quarantined(connection, limit)
    lines = [f"{row.source} row {row.row_number}: {row.reason}" for row in rows]
    show(rows, as_json, "\n".join(lines) or "Nothing is in quarantine.")


def quality(as_json: Json = False) -> None:
    """Check whether the newest tweets are fit to learn from; exit code 1 when a check fails."""
    from sentiment_lib.steps.ingestion import check_quality

    with open_store() as (store, settings):
        result = check_quality.run(store, settings)
    lines = list(result.failed) or [f"{result.rows} tweets: every check passed."]
    if result.html_path:
        lines.append(str(settings.reports / result.html_path))
    show(result, as_json, "\n".join(lines))
    if result.failed:
        raise typer.Exit(1)
