"""A progress bar on stderr for what takes longer than two seconds; nothing where stderr is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(doing: str) -> Iterator[None]:
    """Draw the progress that steps report within the block, beginning with `doing`; the bar is erased at its end."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from sentiment_lib import progress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None, amount="")

        def draw(what: str, done: float, total: float | None) -> None:
            bar.update(task, description=what, completed=done, total=total, amount=_amount(done, total))

        with progress.watched_by(draw):
            yield


def _amount(done: float, total: float | None) -> str:
    """`45 %` of a share, `1,200 of 5,000` of a count, `1,200` without a total, nothing before the first unit."""
    if total is None:
        return f"{done:,.0f}" if done else ""
    return f"{done:.0%}" if total == 1 else f"{done:,.0f} of {total:,.0f}"
