"""Files with tweets that were written outside the state folder: a request to forget searches those that remain."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, text

from sentiment_lib.errors import BadInput
from sentiment_lib.hashing import hash_text
from sentiment_lib.storage import ledger

#: Kind of the ledger row of a file: forgetting changes no file that the platform did not sign for.
KIND = "export"
#: Ends of the names of files; another file is none that a command wrote.
SUFFIXES = frozenset({".csv", ".html", ".json", ".jsonl"})


@dataclass(frozen=True, kw_only=True)
class Export:
    """A file that was written, or a download in a browser."""

    export_id: int
    #: "labels", "tweets", "profile" or "person"
    kind: str
    #: absolute path on `host`; None for a download
    path: str | None
    host: str
    rows: int
    written_at: datetime
    written_by: str
    #: when it was last read in search of a forgotten tweet
    last_read_at: datetime | None


_COLUMNS = ", ".join(Export.__dataclass_fields__)


@dataclass(frozen=True, kw_only=True)
class NewExport:
    """A file that is about to be written."""

    kind: str
    path: str | None
    host: str
    written_by: str


def on_this_machine(kind: str, path: Path | None, *, by: str = "") -> NewExport:
    """An export of this process, to a file or to a browser; by a person, or else the user of the operating system.

    Raises BadInput for a file whose name has none of SUFFIXES, and for links in a circle.
    """
    try:
        resolved = None if path is None else str(path.resolve())
    except RuntimeError as error:
        raise BadInput(what=str(path), problem="the links on its path lead in a circle") from error
    if path is not None and path.suffix.lower() not in SUFFIXES:
        problem = f"the name of a file with tweets must end in one of {', '.join(sorted(SUFFIXES))}"
        raise BadInput(what=path.name, problem=problem)
    return NewExport(
        kind=kind,
        path=resolved,
        host=socket.gethostname(),
        written_by=by or str(os.getuid()),
    )


def record(connection: Connection, export: NewExport, *, rows: int = 0) -> None:
    """Record an export before its file is written; a file has a signed ledger row as well.

    Call it last in a transaction.
    """
    query = text(
        "INSERT INTO exports (kind, path, host, rows, written_by) VALUES (:kind, :path, :host, :rows, :written_by)"
    )
    connection.execute(query, {**vars(export), "rows": rows})
    if export.path is not None:
        sign(connection, export.host, export.path)


def sign(connection: Connection, host: str, path: str) -> None:
    """Append the ledger row of a file; it has a hash, since a path may have somebody's name and the ledger stays."""
    ledger.append(connection, KIND, {"place": place(host, path)})


def place(host: str, path: str) -> str:
    """SHA-256 of where a file is."""
    return hash_text(f"{host}\n{path}")


def signed_places(connection: Connection) -> frozenset[str]:
    """`place` of each file that the platform signed for."""
    return frozenset(entry.facts()["place"] for entry in ledger.genuine_entries(connection, (KIND,)))


def set_rows(connection: Connection, path: Path, rows: int) -> None:
    """Number of rows that this machine has written to the file."""
    query = text("UPDATE exports SET rows = :rows WHERE path = :path AND host = :host")
    connection.execute(query, {"rows": rows, "path": str(path.resolve()), "host": socket.gethostname()})


def on_host(connection: Connection, host: str) -> list[Export]:
    """Files written on this machine, each path once, oldest first."""
    query = text(
        f"SELECT DISTINCT ON (path) {_COLUMNS} FROM exports WHERE host = :host AND path IS NOT NULL "
        "ORDER BY path, export_id DESC"
    )
    return [Export(**row) for row in connection.execute(query, {"host": host}).mappings()]


def elsewhere(connection: Connection, host: str) -> int:
    """Number of downloads, and of files on other machines: out of reach."""
    query = text("SELECT count(*) FROM exports WHERE path IS NULL OR host <> :host")
    return int(connection.execute(query, {"host": host}).scalar_one())


def mark_read(connection: Connection, export_id: int) -> None:
    """Record that the file was searched."""
    connection.execute(text("UPDATE exports SET last_read_at = now() WHERE export_id = :export"), {"export": export_id})
