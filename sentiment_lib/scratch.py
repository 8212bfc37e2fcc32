"""Scratch folders, which a process removes when it ends; those that a killed process left are found by their names."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: "sentiment-HOST-PROCESS-" and what `tempfile` adds.
_NAME = re.compile(r"sentiment-(?P<host>[^/]+)-(?P<process>\d+)-[^-]+")
#: Seconds after which a folder of another machine is taken for left: nobody can say whether its process runs.
FOREIGN = 24 * 3600


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in the machine's temporary folder that is removed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix=f"sentiment-{socket.gethostname()}-{os.getpid()}-") as folder:
        yield Path(folder)


def abandoned() -> list[Path]:
    """Scratch folders of this user whose process is gone, in the machine's temporary folder."""
    return sorted(path for path in Path(tempfile.gettempdir()).glob("sentiment-*") if _is_abandoned(path))


def remove(folder: Path) -> None:
    """Remove a folder whole; it may be gone, or lose files meanwhile. Raises OSError when something stays."""
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue


def _is_abandoned(path: Path) -> bool:
    found = _NAME.fullmatch(path.name)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    if found is None or not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        return False
    if found["host"] != socket.gethostname():
        return time.time() - status.st_mtime > FOREIGN
    try:
        os.kill(int(found["process"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, as somebody else
        return False
    return False
