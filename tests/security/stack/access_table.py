"""The tables of docs/security.md that say who may do what, and the comparison with what running servers did."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/security.md"
#: Outcome by action and account: yes or no.
Table = dict[str, dict[str, str]]


def read_table(heading: str) -> Table:
    """The first table below this heading: actions in rows, accounts in columns; an empty cell is no."""
    lines = PAGE.read_text().split(f"### {heading}\n", 1)[1].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[: _length(lines)]]
    accounts = [name.strip("`") for name in cells[0][1:]]
    return {row[0]: dict(zip(accounts, (cell or "no" for cell in row[1:]), strict=True)) for row in cells[2:]}


def _length(lines: list[str]) -> int:
    """Rows of the first table of these lines."""
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
    return end - start


def differences(documented: Table, found: Table) -> list[str]:
    """Each cell in which the page and the servers differ; rows or columns of one alone count too."""
    problems = [f"{action}: only on one side" for action in sorted(documented.keys() ^ found.keys())]
    for action in documented.keys() & found.keys():
        page, servers = documented[action], found[action]
        problems += [f"{action}: account {name} only on one side" for name in sorted(page.keys() ^ servers.keys())]
        problems += [
            f"{action} as {name}: the page says {page[name]}, the servers {servers[name]}"
            for name in page.keys() & servers.keys()
            if page[name] != servers[name]
        ]
    return sorted(problems)


def render(table: Table) -> str:
    """The table in Markdown, for the page."""
    accounts = list(next(iter(table.values())))
    head = "| Action | " + " | ".join(f"`{name}`" for name in accounts) + " |"
    rows = [
        f"| {action} | " + " | ".join("yes" if cells[name] == "yes" else "" for name in accounts) + " |"
        for action, cells in table.items()
    ]
    return "\n".join([head, "|---|" + ":-:|" * len(accounts), *rows])
