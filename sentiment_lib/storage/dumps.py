"""Dumps of several databases of one server at one moment, by pg_dump, and their restore by pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL, make_url

from sentiment_lib.errors import BackupFailed

#: Seconds that pg_dump waits for a table that a migration holds.
LOCK_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the platform's database held when the dump's snapshot was taken."""

    revision: str
    #: sequence and hash of the ledger's newest row; 0 and "" for an empty ledger
    sequence: int
    entry_hash: str


class Dumper:
    """Snapshots of databases, kept open until the dumps are written. A context manager.

    url: of one database of the server, as a role that may read all of them.
    databases: the platform's first.
    """

    def __init__(self, url: str, databases: Sequence[str], *, programs: Path) -> None:
        self._url, self.databases, self._programs = make_url(url), tuple(databases), programs
        self._open = ExitStack()
        self._connections: dict[str, psycopg.Connection[tuple[object, ...]]] = {}
        self._snapshots: dict[str, str] = {}

    def __enter__(self) -> Dumper:
        with ExitStack() as opening:
            for name in self.databases:
                connection = psycopg.connect(make_conninfo(**_arguments(self._url.set(database=name))), autocommit=True)
                self._connections[name] = opening.enter_context(connection)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def take_snapshots(self) -> Moment:
        """Take the snapshot of each database, in the order given; within milliseconds."""
        for name, connection in self._connections.items():
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None
            self._snapshots[name] = str(row[0])
        first = self._connections[self.databases[0]]
        revision = first.execute("SELECT version_num FROM alembic_version").fetchone()
        head = first.execute("SELECT sequence, entry_hash FROM ledger ORDER BY sequence DESC LIMIT 1").fetchone()
        sequence, entry_hash = head or (0, "")
        return Moment(
            revision=str(revision[0]) if revision else "", sequence=int(str(sequence)), entry_hash=str(entry_hash)
        )

    def dump(self, database: str, sink: IO[bytes]) -> None:
        """Write the database as of its snapshot in pg_dump's custom format. Raises BackupFailed."""
        command = [str(self._programs / "pg_dump"), "--format=custom", "--no-password"]
        command += [f"--snapshot={self._snapshots[database]}", f"--lock-wait-timeout={LOCK_SECONDS}s"]
        environment = _environment(self._url.set(database=database))
        with tempfile.TemporaryFile() as problems:
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=problems) as process:
                assert process.stdout is not None
                try:
                    shutil.copyfileobj(process.stdout, sink, 1 << 20)
                except BaseException:
                    process.kill()
                    raise
            if process.returncode:
                raise BackupFailed(what=f"the database {database}", problem=_last_line(problems))


def restore(url: str, dump: Path, *, programs: Path, jobs: int = 1) -> None:
    """Restore a dump into an empty database, as its server's superuser. Raises BackupFailed."""
    target = make_url(url)
    command = [str(programs / "pg_restore"), "--no-password", "--exit-on-error", f"--jobs={jobs}"]
    command += [f"--dbname={target.database}", str(dump)]
    with tempfile.TemporaryFile() as problems:
        done = subprocess.run(command, env=_environment(target), stderr=problems, check=False)
        if done.returncode:
            raise BackupFailed(what=f"the database {target.database}", problem=_last_line(problems))


def _arguments(url: URL) -> dict[str, str]:
    values = url.translate_connect_args(username="user", database="dbname")
    return {name: str(value) for name, value in {**values, **url.query}.items()} | {"connect_timeout": "10"}


def _environment(url: URL) -> dict[str, str]:
    """The server's address and password as libpq's variables: arguments are visible in the process list."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    values = _arguments(url)
    own = {variable: values[name] for name, variable in names.items() if name in values}
    return {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", **own}


def _last_line(problems: IO[bytes]) -> str:
    problems.seek(0)
    lines = problems.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a message"
