"""Commands of labelling: progress, and the exchange with other tools. The labelling page is part of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentiment_lib.cli.common import Columns, Json, Strict, open_store, parse_columns, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.token_file import authorise
from sentiment_lib.cli.tweets.reading import DateFormat, Encoding, MapLabel, Separator, Zone, read_options


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="Labels by people.")
    group.command()(queue)
    group.command()(export)
    group.command("import")(import_)
    app.add_typer(group, name="label")


def queue(
    person: Annotated[str, typer.Option(help="Whose work to count: the name of an API key.")] = "",
    as_json: Json = False,
) -> None:
    """Show what waits for a label, what was labelled, and how far two people, and label sources, agree."""
    from sentiment_lib.steps.labelling import label_progress

    with open_store() as (store, _):
        progress = label_progress.run(store, person=person)
    lines = [
        f"{progress.audit_waiting} predictions of the audit sample wait for a label",
        f"{progress.all_people} labels by people" + (f", {progress.own} by {person}" if person else ""),
    ]
    agreement = progress.agreement
    if agreement.kappa is None or agreement.interval is None:
        lines.append(f"{agreement.pairs} tweets labelled by two people: too few to measure agreement")
    else:
        low, high = agreement.interval
        lines.append(
            f"Cohen's kappa {agreement.kappa:.2f} ({low:.2f} to {high:.2f}) on {agreement.pairs} tweets of two people"
        )
    lines += [f"Sources: {pair.text}" for pair in progress.sources]
    show(progress, as_json, "\n".join(lines))


def export(
    path: Annotated[Path, typer.Argument(help="File to write, .csv or .jsonl; an existing one is not replaced.")],
    what: Annotated[str, typer.Option(help="waiting (for another tool) or given (labels of people).")] = "waiting",
    most: Annotated[int | None, typer.Option(min=1, help="Maximum number of rows.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: Json = False,
) -> None:
    """Export tweets that wait for a label, or the labels of people."""
    from sentiment_lib.steps.labelling import export_labels

    with open_store() as (store, _):
        count = export_labels.run(store, path, what=what, most=most, force=force)
    show({"path": str(path), "rows": count}, as_json, f"{count} rows are in {path}")


def import_(
    path: Annotated[Path, typer.Argument(help="CSV, JSON or Parquet with tweet_id and label, gzip or not.")],
    column: Columns = None,
    separator: Separator = None,
    encoding: Encoding = None,
    zone: Zone = None,
    date_format: DateFormat = None,
    map_label: MapLabel = None,
    drawn_with: Annotated[
        float | None,
        typer.Option(
            help="Probability of a random draw of the tweets; without it, their labels are for training only."
        ),
    ] = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Import labels from another tool, as yours; a column labelled_by is recorded beside your name. Sign in before.

    Exit code 0 also when single rows are refused (1 with --strict), 1 when the file cannot be read or none of its
    rows gets in; the others are stored all the same.
    """
    from sentiment_lib.settings import load_settings
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.steps.labelling import import_labels

    options = read_options(separator, encoding, zone, date_format, map_label)
    source = FileSource(path, "labels", parse_columns(column), options=options, limits=load_settings().input)
    with open_store() as (store, settings):
        person = authorise(store, settings, f"label import {path.name}")
        with progress_bar("Importing labels"):
            result = import_labels.run(store, source, by=person.name, drawn_with=drawn_with)
    lines = [
        f"{result.received} rows came in = {result.audit} audit labels + {result.person} of a person + "
        f"{result.duplicate} duplicate + {result.empty} without an answer + {result.refused} refused",
        *source.notes,
        *(f"row {number}: {reason}" for number, reason in result.problems),
    ]
    show(result, as_json, "\n".join(lines))
    if result.refused and (strict or result.refused == result.received):
        raise typer.Exit(1)
