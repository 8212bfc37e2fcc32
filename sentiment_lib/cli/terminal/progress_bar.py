"""Progress on stderr of what takes longer than two seconds: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sentiment_lib.cli.terminal.progress_lines import amount, progress_lines


@contextmanager
def progress_bar(doing: str) -> Iterator[None]:
    """Show the progress that steps report within the block, beginning with `doing`.

    A bar is erased at the end. Where stderr is no terminal, lines say what is being done (`progress_lines`); under
    `--json` stderr holds nothing but an error.
    """
    if not sys.stderr.isatty():
        with nullcontext() if "--json" in sys.argv[1:] else progress_lines(doing):
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
            bar.update(task, description=what, completed=done, total=total, amount=amount(done, total))

        with progress.watched_by(draw):
            yield
