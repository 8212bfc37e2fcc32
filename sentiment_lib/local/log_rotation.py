"""Rotation of the servers' log files, so that no number of requests fills the disk."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path

log = logging.getLogger(__name__)

#: Seconds between two looks at the files.
EVERY = 5.0
#: Bytes copied at a time.
_CHUNK = 1 << 20


def rotate(folder: Path, largest: int) -> int:
    """Move what is in each log file above `largest` bytes to NAME.1, in place of what is there; returns how many.

    Servers keep their files open and append, so the file is copied and then emptied. Lines between the two are lost.
    """
    rotated = 0
    for path in folder.glob("*.log"):
        if path.is_symlink() or path.stat().st_size <= largest:
            continue
        with path.open("rb") as source, Path(f"{path}.1").open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
        os.truncate(path, 0)
        rotated += 1
    return rotated


def keep_small(folder: Path, largest: int, stopping: threading.Event) -> None:
    """Rotate until `stopping` is set."""
    while not stopping.wait(EVERY):
        try:
            rotate(folder, largest)
        except OSError as error:
            log.warning("The logs in %s were not rotated: %s", folder, error)
