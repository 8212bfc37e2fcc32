"""Options that say how to read a file: of `ingest` and `label import`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sentiment_lib.sources.read_options import ReadOptions

Separator = Annotated[str | None, typer.Option(help="What separates columns: one character, or tab.")]
Encoding = Annotated[str | None, typer.Option(help="Character encoding, such as cp1252 or shift_jis.")]
Zone = Annotated[str | None, typer.Option(help="Time zone of dates that have none, such as America/Los_Angeles.")]
DateFormat = Annotated[
    str | None, typer.Option(help="Form of the dates, such as '%m/%d/%Y %H:%M'; epoch or epoch_ms for numbers.")
]
MapLabel = Annotated[
    list[str] | None, typer.Option(help="WRITTEN=LABEL: what a label of the file means; WRITTEN= for no label.")
]


def read_options(
    separator: str | None,
    encoding: str | None,
    zone: str | None,
    date_format: str | None,
    map_label: list[str] | None,
) -> ReadOptions:
    """The options as one record; raises BadInput for one that is not valid."""
    from sentiment_lib.errors import BadInput
    from sentiment_lib.sources.read_options import ReadOptions

    labels = {}
    for pair in map_label or []:
        written, sign, label = pair.rpartition("=")
        if not (written and sign):
            raise BadInput(what=f"--map-label {pair!r}", problem="write WRITTEN=LABEL")
        labels[written] = label
    return ReadOptions(separator=separator, encoding=encoding, zone=zone, date_format=date_format, labels=labels)
