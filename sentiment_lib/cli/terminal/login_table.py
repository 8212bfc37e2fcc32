"""The table of addresses, users and passwords that `sentiment up` and `sentiment logins` print.

Nothing is truncated in a narrow terminal: a password must be copied whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: Component, address, user, password.
Login = tuple[str, str, str, str]
#: Characters of address, user and password that fit into 80 columns; longer logins are printed below the table.
FIT = 50
WITH_SAMPLE = (
    "\nNext: open Airflow as [bold]mlops[/bold]. An approval appears within minutes under "
    "[bold]Browse → Required Actions[/bold], with the evidence for a candidate against the champion. Once you approve, "
    "the new version scores the next tweets."
)
WITHOUT_SAMPLE = (
    "\nNext: bring tweets, with [bold]sentiment ingest FILE[/bold] or as a file in the landing folder. What they say "
    "is in Airflow's menu under [bold]Sentiment[/bold]; once enough are labelled, a candidate is trained and an "
    "approval appears under [bold]Browse → Required Actions[/bold]."
)


def draw(console: Console, logins: Sequence[Login], logs: Path, *, sample: bool) -> None:
    """Print the logins and what to do next; logs: folder of the log files, sample: whether the sample stream lives."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in ("", "address", "user", "password"):
        table.add_column(head, overflow="fold")
    below = [login for login in logins if sum(map(len, login[1:])) > FIT]
    for login in logins:
        if login not in below:
            table.add_row(*login)
    console.print(table, highlight=False)
    for what, address, user, password in below:
        console.print(f"{what}: {address}\n  {user}: {password}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"Logs: {logs}", soft_wrap=True, highlight=False, markup=False)
    console.print(WITH_SAMPLE if sample else WITHOUT_SAMPLE)
