"""What `sentiment up` ends with: where to go, as whom, and what to click. Nothing of it is cut in a narrow terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: what, address, user, password
Login = tuple[str, str, str, str]
#: characters of address, user and password that fit beside a name into 80 columns; longer logins stand below the table
FIT = 50
CLICKS = (
    "\nWhat to click: open Airflow as [bold]mlops[/bold]. Under [bold]Browse → Required Actions[/bold] an approval "
    "appears within minutes: it shows the evidence of a candidate against the champion. Answer it, and the next tweets "
    "are scored by the new version."
)


def draw(console: Console, logins: Sequence[Login], logs: Path) -> None:
    """Print them; `logs` is the folder of the log files."""
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
    console.print(CLICKS)
