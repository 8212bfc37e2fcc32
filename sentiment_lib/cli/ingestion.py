"""Commands for tweets coming in."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(ingest)
    app.command()(quarantine)
    app.command()(quality)


def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="CSV, JSON Lines or Parquet files, gzip or not.")] = None,
    preset: Annotated[str, typer.Option(help="plain, airline, semeval or sentiment140")] = "plain",
    column: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, where the file differs.")] = None,
    name: Annotated[str | None, typer.Option(help="Name that the labels carry; the preset's or the file's.")] = None,
    landing: Annotated[bool, typer.Option(help="Read the landing folder.")] = False,
    x: Annotated[bool, typer.Option(help="Ask X for recent tweets.")] = False,
    sample: Annotated[bool, typer.Option(help="Make synthetic tweets, up to today.")] = False,
    days: Annotated[int, typer.Option(min=1, help="Days of the sample.")] = 14,
    per_day: Annotated[int, typer.Option(min=1, help="Tweets a day of the sample.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 1,
    as_json: JSON = False,
) -> None:
    """Take tweets in; every row ends as stored, duplicate or quarantined."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.settings import load_settings
    from sentiment_lib.sources.base import Source
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.sources.sample_stream import SampleStream
    from sentiment_lib.steps.ingestion import ingest as step
    from sentiment_lib.storage.engine import Store

    if not (paths or landing or x or sample):
        raise BadInput(what="`sentiment ingest` without a source", problem="name files, or --landing, --x or --sample")
    settings = load_settings()
    columns = columns_of(column or [])
    # every file is looked at before the first is read
    sources: list[Source] = [FileSource(path, preset, columns, name) for path in paths or []]
    if sample:
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        sources.append(SampleStream(start=midnight - timedelta(days=days), days=days, per_day=per_day, seed=seed))
    with closing(Store.open(settings)) as store:
        results = [step.run(store, settings, source) for source in sources]
        if landing:
            results.extend(step.run_landing(store, settings))
        if x:
            results.extend(step.run_x(store, settings))
    if as_json:
        print(json.dumps([asdict(result) for result in results]))
        return
    for result in results:
        print(
            f"{result.source}: {result.received} rows came in = {result.stored} stored + {result.duplicate} duplicate "
            f"+ {result.quarantined} quarantined; {result.labels} labels"
        )


def columns_of(pairs: list[str]) -> dict[str, str]:
    """Field → column, of FIELD=COLUMN."""
    from sentiment_lib.errors import BadInput

    columns = {}
    for pair in pairs:
        field, sign, column = pair.partition("=")
        if not (field and sign and column):
            raise BadInput(what=f"--column {pair!r}", problem="write FIELD=COLUMN")
        columns[field] = column
    return columns


def quarantine(limit: Annotated[int, typer.Option(min=1)] = 20, as_json: JSON = False) -> None:
    """List rows that could not be stored, newest first, with the reason."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.storage import ingests
    from sentiment_lib.storage.engine import Store

    with closing(Store.open(load_settings())) as store, store.begin() as connection:
        rows = ingests.list_quarantined(connection, limit)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], default=str))
        return
    for row in rows:
        print(f"{row.source} row {row.row_number}: {row.reason}")
    if not rows:
        print("Nothing is in quarantine.")


def quality(as_json: JSON = False) -> None:
    """Check whether the newest tweets are fit to learn from; exit code 1 when a check fails."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.ingestion import check_quality
    from sentiment_lib.storage.engine import Store

    settings = load_settings()
    with closing(Store.open(settings)) as store:
        found = check_quality.run(store, settings)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        print("\n".join(found.failed) or f"{found.rows} tweets: every check passed.")
        if found.html_path:
            print(settings.reports / found.html_path)
    raise SystemExit(1 if found.failed else 0)
