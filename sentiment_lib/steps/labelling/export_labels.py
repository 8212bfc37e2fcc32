"""Export tweets for another labelling tool, or the labels of people, as CSV or JSON Lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sentiment_lib.errors import BadInput, did_you_mean
from sentiment_lib.storage import exports, labels
from sentiment_lib.storage.engine import Store
from sentiment_lib.text.spreadsheet import guard

PAGE = 1000
SOURCES = ("audit", "person", "feedback")
WAITING_COLUMNS = ("tweet_id", "text", "airline", "created_at", "label", "synthetic")
GIVEN_COLUMNS = (
    "tweet_id",
    "text",
    "label",
    "source",
    "labelled_by",
    "labelled_at",
    "confidence",
    "inclusion_probability",
    "synthetic",
)


def run(store: Store, path: Path, *, what: str, most: int | None = None, force: bool = False) -> int:
    """Write `what` to the file and return the number of rows; the file extension decides the format.

    "waiting": tweets of the audit sample without a label; `import_labels` reads them with the column `label` filled.
    "given": labels of people, with their source and inclusion probability. In CSV, an apostrophe guards ids of more
    than 15 digits and texts that a spreadsheet would run as a formula. Raises BadInput for another `what` or extension,
    and for a file that exists, which only `force` replaces.
    """
    writers = {".csv": _csv, ".jsonl": _json_lines}
    if path.suffix.lower() not in writers:
        raise BadInput(what=path.name, problem="its name must end in .csv or .jsonl")
    if path.exists() and not force:
        raise BadInput(what=str(path), problem="it exists already; name another file, or replace it with --force")
    if not path.parent.is_dir():
        raise BadInput(what=str(path), problem=f"there is no folder {path.parent}")
    columns: tuple[str, ...]
    if what == "waiting":
        columns, rows = WAITING_COLUMNS, _unlabelled_tweets(store, most)
    elif what == "given":
        columns, rows = GIVEN_COLUMNS, _person_labels(store, most)
    else:
        problem = f"choose waiting or given.{did_you_mean(what, ('waiting', 'given'))}"
        raise BadInput(what=f"--what {what!r}", problem=problem)
    with store.begin() as connection:  # before it is written: a killed process leaves no file that nobody knows of
        exports.record(connection, exports.on_this_machine("labels", path))
    count = writers[path.suffix.lower()](path, columns, rows)
    with store.begin() as connection:
        exports.set_rows(connection, path, count)
    return count


def _unlabelled_tweets(store: Store, most: int | None) -> Iterator[dict[str, Any]]:
    def page(before: int | None) -> list[dict[str, Any]]:
        with store.begin() as connection:
            return labels.waiting(connection, before, PAGE)

    for number, row in enumerate(_paged(page, "tweet_id")):
        if most is not None and number >= most:
            return
        yield {**row, "label": ""}


def _person_labels(store: Store, most: int | None) -> Iterator[dict[str, Any]]:
    def page(after: int | None) -> list[dict[str, Any]]:
        with store.begin() as connection:
            return labels.page_of_labels(connection, SOURCES, after or 0, PAGE)

    for number, row in enumerate(_paged(page, "label_id")):
        if most is not None and number >= most:
            return
        yield row


def _paged(page: Callable[[int | None], list[dict[str, Any]]], key: str) -> Iterator[dict[str, Any]]:
    last: int | None = None
    while rows := page(last):
        yield from rows
        last = rows[-1][key]


def _csv(path: Path, columns: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([guard(row[column]) for column in columns])
            count += 1
    return count


def _json_lines(path: Path, columns: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            # ids as strings: they exceed the integer precision of JavaScript numbers
            record = {**{column: row[column] for column in columns}, "tweet_id": str(row["tweet_id"])}
            file.write(json.dumps(record, ensure_ascii=False, default=guard) + "\n")
            count += 1
    return count
