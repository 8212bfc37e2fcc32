"""Commands of labelling: what waits, and the exchange with other tools. The labelling page is a part of the API."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(no_args_is_help=True, help="Labels by people.")
    group.command()(queue)
    group.command()(export)
    group.command("import")(import_)
    app.add_typer(group, name="label")


def queue(
    person: Annotated[str, typer.Option(help="whose work to count: the name of an API key")] = "",
    as_json: Json = False,
) -> None:
    """What waits for a label, what was done, and how far two people agree."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.labelling import label_progress
    from sentiment_lib.storage.engine import Store

    with closing(Store.open(load_settings())) as store:
        found = label_progress.run(store, person=person)
    if as_json:
        print(json.dumps(asdict(found)))
        return
    print(f"{found.audit_waiting} predictions of the audit sample wait for a label")
    print(f"{found.all_people} labels by people" + (f", {found.own} by {person}" if person else ""))
    agreed = found.agreement
    if agreed.kappa is None or agreed.interval is None:
        print(f"{agreed.pairs} tweets labelled by two people: too few for a word on agreement")
    else:
        low, high = agreed.interval
        print(f"Cohen's kappa {agreed.kappa:.2f} ({low:.2f} to {high:.2f}) on {agreed.pairs} tweets of two people")


def export(
    path: Annotated[Path, typer.Argument(help="a new file, .csv or .jsonl")],
    what: Annotated[str, typer.Option(help="waiting (for another tool) or given (labels of people)")] = "waiting",
    most: Annotated[int | None, typer.Option(min=1, help="at most so many rows")] = None,
    as_json: Json = False,
) -> None:
    """Write tweets that wait for a label, or labels that were given, to a file."""
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.labelling import export_labels
    from sentiment_lib.storage.engine import Store

    with closing(Store.open(load_settings())) as store:
        count = export_labels.run(store, path, what=what, most=most)
    print(json.dumps({"path": str(path), "rows": count}) if as_json else f"{count} rows are in {path}")


def import_(
    path: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet with tweet_id and label, gzip or not")],
    by: Annotated[str, typer.Option(help="who labelled")],
    column: Annotated[list[str] | None, typer.Option(help="FIELD=COLUMN, where the file differs.")] = None,
    as_json: Json = False,
) -> None:
    """Take labels of another tool in. Exit code 1 when rows were refused; the others are stored all the same."""
    from sentiment_lib.cli.ingestion import columns_of
    from sentiment_lib.settings import load_settings
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.steps.labelling import import_labels
    from sentiment_lib.storage.engine import Store

    source = FileSource(path, "labels", columns_of(column or []))
    with closing(Store.open(load_settings())) as store:
        found = import_labels.run(store, source, by=by)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        print(
            f"{found.received} rows came in = {found.audit} audit labels + {found.person} of a person + "
            f"{found.duplicate} duplicate + {found.empty} without an answer + {found.refused} refused"
        )
        for number, reason in found.problems:
            print(f"row {number}: {reason}")
    if found.refused:
        raise typer.Exit(1)
