"""Commands of ingestion: ingest, quarantine, quality."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_lib import clock
from sentiment_lib.cli.common import Columns, Json, Limit, Strict, newest, open_store, parse_columns, report_error, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.tweets.reading import DateFormat, Encoding, MapLabel, Separator, Zone, read_options

if TYPE_CHECKING:
    from sentiment_lib.errors import BadSource
    from sentiment_lib.records import IngestResult
    from sentiment_lib.settings import Settings
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.storage.engine import Store

#: What happens with stored tweets.
REQUESTED = "Airflow scores the new tweets now (DAG score_tweets)"
NOT_REQUESTED = "The new tweets are not scored yet: `sentiment score` does it now, Airflow at 17 minutes past the hour"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(ingest)
    app.command()(quarantine)
    app.command()(quality)


def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="CSV, TSV, JSON or Parquet files, gzip or not.")] = None,
    preset: Annotated[str, typer.Option(help="plain, airline, semeval or sentiment140")] = "plain",
    column: Columns = None,
    separator: Separator = None,
    encoding: Encoding = None,
    zone: Zone = None,
    date_format: DateFormat = None,
    map_label: MapLabel = None,
    name: Annotated[str | None, typer.Option(help="Name that the labels carry; the preset's or the file's.")] = None,
    landing: Annotated[bool, typer.Option(help="Read the landing folder.")] = False,
    x: Annotated[bool, typer.Option(help="Query X for recent tweets.")] = False,
    sample: Annotated[bool, typer.Option(help="Generate synthetic tweets up to today.")] = False,
    days: Annotated[int, typer.Option(min=1, help="Days of the sample.")] = 14,
    per_day: Annotated[int, typer.Option(min=1, help="Tweets a day of the sample.")] = 400,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 1,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Ingest tweets: each row is stored, a duplicate, quarantined with a reason, or of a tweet that was forgotten.

    Exit code 0 also when single rows are quarantined (1 with --strict), 1 when a file cannot be read or none of its
    rows gets in; the other files are ingested all the same. New tweets are scored at once where Airflow runs.
    """
    from sentiment_lib.errors import BadInput
    from sentiment_lib.settings import load_settings
    from sentiment_lib.sources.base import Source
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.sources.sample_stream import NAME as SAMPLE
    from sentiment_lib.sources.sample_stream import SampleStream
    from sentiment_lib.steps.ingestion import ingest as step
    from sentiment_lib.steps.scoring import request_scoring

    # the result says how many rows were refused; without a handler, Python would print the warning beside it
    logging.getLogger("sentiment_lib.steps.ingestion.ingest_notes").addHandler(logging.NullHandler())
    if not (paths or landing or x or sample):
        raise BadInput("There is nothing to ingest: name files, or --landing, --x or --sample")
    given = load_settings()
    if x and not given.x_bearer_token.get_secret_value():
        raise BadInput(what="--x", problem="it needs the token of X's API in SENTIMENT_X_BEARER_TOKEN")
    columns, options = parse_columns(column), read_options(separator, encoding, zone, date_format, map_label)
    # every file is opened before the first is read
    files = [FileSource(path, preset, columns, name, options, limits=given.input) for path in paths or []]
    sources: list[Source] = []
    if sample:
        midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        sources.append(SampleStream(start=midnight - timedelta(days=days), days=days, per_day=per_day, seed=seed))
    with open_store() as (store, settings), progress_bar("Ingesting"):
        results, errors = _ingest_files(store, settings, files)
        results.extend(step.run(store, settings, source) for source in sources)
        if landing:
            results.extend(step.run_landing(store, settings))
        if x:
            results.extend(step.run_polled(store, settings))
    lines = _lines(results)
    if any(result.stored for result in results):
        lines.append(REQUESTED if request_scoring.run(settings) else NOT_REQUESTED)
    if sample and any(result.source == SAMPLE and not result.stored and result.duplicate for result in results):
        lines.append(f"The sample of seed {seed} is stored already: --seed {seed + 1} gives other tweets")
    if results or not errors:
        show(results, as_json, "\n".join(lines))
    for other in errors[1:]:
        report_error(other, as_json=as_json)
    if errors:
        raise errors[0]
    if strict and any(result.quarantined for result in results):
        raise typer.Exit(1)


def _ingest_files(
    store: Store, settings: Settings, files: Sequence[FileSource]
) -> tuple[list[IngestResult], list[BadSource]]:
    """Results of the files that were read, and errors of the others."""
    from sentiment_lib.errors import BadSource
    from sentiment_lib.steps.ingestion import ingest as step

    results: list[IngestResult] = []
    errors: list[BadSource] = []
    for file in files:
        try:
            results.append(step.run_file(store, settings, file))
        except BadSource as error:
            errors.append(error)
    return results, errors


def _lines(results: Sequence[IngestResult]) -> list[str]:
    lines = []
    for result in results:
        lines.append(
            f"{result.source}: {result.received} rows came in = {result.stored} stored + {result.duplicate} duplicate "
            f"+ {result.quarantined} quarantined"
            + (f" + {result.forgotten} forgotten" if result.forgotten else "")
            + f"; {result.labels} labels"
        )
        lines.extend(f"  {note}" for note in result.notes)
    return lines


def quarantine(limit: Limit = 20, as_json: Json = False) -> None:
    """List quarantined rows with their reasons, newest first."""
    from sentiment_lib.storage import ingests

    with open_store() as (store, _), store.begin() as connection:
        rows = newest(ingests.list_quarantined(connection, limit + 1), limit)
    lines = [f"{row.source} row {row.row_number}: {row.reason}" for row in rows]
    show(rows, as_json, "\n".join(lines) or "Nothing is in quarantine.")


def quality(as_json: Json = False) -> None:
    """Check whether the newest tweets are fit to learn from; exit code 1 when a check fails."""
    from sentiment_lib.steps.ingestion import check_quality

    with open_store() as (store, settings), progress_bar("Checking the newest tweets"):
        result = check_quality.run(store, settings)
    empty = "There are no tweets to check: `sentiment ingest`"
    lines = list(result.failed) or [f"{result.rows} tweets: every check passed." if result.rows else empty]
    if result.html_path:
        lines.append(str(settings.reports / result.html_path))
    show(result, as_json, "\n".join(lines))
    if result.failed:
        raise typer.Exit(1)
