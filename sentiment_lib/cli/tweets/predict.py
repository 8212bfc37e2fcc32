"""The command predict: the champion's answer for texts or a file, without the API and without storing anything."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiment_lib.cli.common import Json, open_store, show
from sentiment_lib.cli.terminal.progress_bar import progress_bar
from sentiment_lib.cli.terminal.table import draw

#: Texts of one file.
MOST = 100_000


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(predict)


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts, each in quotation marks.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="CSV with a column text, or a text file with one text in each line.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="CSV file to write, with the columns text and label.")] = None,
    version: Annotated[int | None, typer.Option(help="Model version; default: the champion.")] = None,
    as_json: Json = False,
) -> None:
    """Predict the sentiment of texts. Nothing is stored; the API predicts, stores and takes feedback."""
    from sentiment_lib.errors import BadInput, NotFound
    from sentiment_lib.families.base import check_probabilities
    from sentiment_lib.records import LABELS
    from sentiment_lib.registry.mlflow_registry import Registry
    from sentiment_lib.storage import model_versions
    from sentiment_lib.text.batch import mask_all

    given = [*(texts or []), *(_read(file) if file else [])]
    if not given:
        raise BadInput('There is nothing to predict: write "TEXT", or --file FILE')
    if to is not None and to.exists():
        raise BadInput(what=str(to), problem="it exists already; name another file")
    with open_store() as (store, settings):
        with store.begin() as connection:
            used = model_versions.by_version(connection, version) if version else model_versions.champion(connection)
        if used is None:
            raise NotFound(what="champion yet:", key="`sentiment bootstrap` registers the first")
        masked = [text.strip() for text in mask_all(given)]
        with progress_bar(f"Predicting with version {used.version}"):
            proba = check_probabilities(Registry(settings).load(used.version, used.digest), masked)
    rows = [
        {
            "text": text,
            "label": str(LABELS[row.argmax()]),
            "probabilities": {str(label): round(float(p), 4) for label, p in zip(LABELS, row, strict=True)},
            "version": used.version,
        }
        for text, row in zip(masked, proba, strict=True)
    ]
    if to is not None:
        _write(to, rows)
        show({"file": str(to), "rows": len(rows), "version": used.version}, as_json, f"{len(rows)} predictions in {to}")
        return
    cells = [(str(row["label"]), f"{100 * max(p):.1f} %", str(row["text"])) for row, p in zip(rows, proba, strict=True)]
    show(rows, as_json, draw(("label", "probability", f"text (version {used.version}, {used.family})"), cells))


def _read(file: Path) -> list[str]:
    """The texts of a file. Raises BadInput for one that cannot be read, or a text that no model takes."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.serving.pages.text_input import parse_csv, parse_lines

    content = file.read_bytes()
    if file.suffix.lower() in (".csv", ".tsv"):
        rows = parse_csv(content, MOST)
    else:
        try:
            rows = parse_lines(content.decode("utf-8-sig"), MOST)
        except UnicodeDecodeError as error:
            raise BadInput(what=str(file), problem=f"it is not UTF-8 at byte {error.start}") from error
    for row in rows:
        if row.problem:
            raise BadInput(what=f"text {row.number} of {file}", problem=row.problem)
    return [row.text for row in rows]


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    from sentiment_lib.text.spreadsheet import guard

    with path.open("x", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("text", "label", *rows[0]["probabilities"], "version"))
        for row in rows:
            writer.writerow((guard(row["text"]), row["label"], *row["probabilities"].values(), row["version"]))
