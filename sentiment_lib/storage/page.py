"""A page of a list whose rows have increasing ids: the list never ends without saying so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Row]):
    """Rows, newest first. `older`: the next page has the rows with ids below it; None on the last page."""

    rows: list[Row]
    older: int | None


def page_of(rows: Sequence[Row], size: int, row_id: Callable[[Row], int]) -> Page[Row]:
    """The page from up to `size` + 1 rows, newest first: the one too many says that there are older ones."""
    shown = list(rows[:size])
    return Page(rows=shown, older=row_id(shown[-1]) if len(rows) > size else None)
