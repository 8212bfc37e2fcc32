"""Every place that may hold a tweet, its author or its words, in the order in which they are searched."""

from __future__ import annotations

from sentiment_lib.erasure import folders, tables
from sentiment_lib.erasure.place import Place

PLACES: tuple[Place, ...] = (*folders.HOLDING, *tables.HOLDING, *folders.HARMLESS, *tables.HARMLESS)


def place_of_column(table: str, column: str) -> Place | None:
    """The entry of a column; None without one."""
    return next((place for place in PLACES if column in place.columns.get(table, ())), None)


def place_of_folder(name: str) -> Place | None:
    """The entry of a folder or file below the state folder, by its path or that of a folder above it."""
    parts = name.split("/")
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        if (place := next((place for place in PLACES if path in place.folders), None)) is not None:
            return place
    return None
