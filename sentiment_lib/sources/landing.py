"""The landing folder: drop a file, and the next poll ingests it.

    landing/FILE.csv             columns named like the fields of a row
    landing/airline/FILE.csv     columns of the named preset
    landing/labels/NAME.csv      labels of stored tweets, according to the file given by NAME
    landing/claimed/             being read; a file in it at the start is that of a killed process
    landing/done/, failed/       ingested or refused, with the reasons for the file or its rows beside it

Write under a name that ends in .part and rename: a claim is a rename too, so nothing half-written is read. Symbolic
links, pipes, sockets, devices, and files whose name cannot be stored are never opened and go to failed/.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sentiment_lib import clock
from sentiment_lib.errors import BadInput
from sentiment_lib.files import write_atomically
from sentiment_lib.sources.input_file import printable
from sentiment_lib.sources.presets import PRESETS

log = logging.getLogger(__name__)
#: Name of the file that is locked while the folder is read.
LOCK = ".lock"
#: Longest name: file systems allow 255 bytes, and the folder adds preset, time and suffix of the reasons.
LONGEST_NAME_BYTES = 180
_KINDS = (
    (stat.S_ISLNK, "it is a symbolic link"),
    (stat.S_ISFIFO, "it is a pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A file that only this process reads now."""

    path: Path
    preset: str
    #: why it may not be read, or None
    problem: str | None = None

    @property
    def file_name(self) -> str:
        """The name that the file was dropped under."""
        return self.path.name.removeprefix(f"{self.preset}__")


class Landing:
    """One landing folder. Raises BadInput when one of its own folders is a symbolic link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("claimed", "done", "failed", *PRESETS):
            if (folder / name).is_symlink():
                raise BadInput(what=f"the landing folder {folder}", problem=f"{name} in it is a symbolic link")
            (folder / name).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Whether this process holds the folder's lock, which ends with the process."""
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def claims(self) -> Iterator[Claim]:
        """Files of a killed process first, then new files, oldest first; each is claimed by a rename."""
        for path in sorted((self.folder / "claimed").iterdir()):
            if _written(path) is not None:
                yield Claim(path=path, preset=path.name.partition("__")[0], problem=_problem(path))
        waiting = [
            (written, path, name)
            for name, folder in (("plain", self.folder), *((name, self.folder / name) for name in PRESETS))
            for path in folder.iterdir()
            if not _is_unfinished(path)
            if (written := _written(path)) is not None
        ]
        for _, path, preset in sorted(waiting):
            name = _storable(path.name)
            claimed = self.folder / "claimed" / f"{preset}__{name}"
            if claimed.exists():
                claimed = claimed.with_name(f"{preset}__{_stamp()}-{name}")
            try:
                path.rename(claimed)
            except FileNotFoundError:  # removed meanwhile
                continue
            except OSError as error:  # the others go on
                log.warning("%s cannot be claimed: %s", printable(path.name), error.strerror)
                continue
            yield Claim(path=claimed, preset=preset, problem=_bad_name(path.name) or _problem(claimed))

    def done(self, claim: Claim, refused: Sequence[str] = ()) -> None:
        """Move an ingested file to done/; why rows were refused is written beside it."""
        self._move(claim.path, "done", refused)

    def failed(self, claim: Claim, why: str) -> None:
        """Move a file that cannot be read to failed/; the reason is written beside it."""
        self._move(claim.path, "failed", [why])

    def _move(self, path: Path, name: str, reasons: Sequence[str]) -> None:
        target = self.folder / name / path.name
        if target.exists():
            target = target.with_name(f"{_stamp()}-{path.name}")
        moved = path.rename(target)
        if reasons:
            write_atomically(moved.with_name(moved.name + ".why.txt"), "\n".join(reasons) + "\n")


def is_read(folder: Path, path: Path) -> bool:
    """Whether a file below the folder waits to be ingested or is being read."""
    if path.parent == folder / "claimed":
        return True
    return path.parent in (folder, *(folder / name for name in PRESETS)) and not _is_unfinished(path)


def _is_unfinished(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix in (".part", ".tmp")


def _written(path: Path) -> int | None:
    """Time of the last write in ns, of a link itself; None when it is a folder, or is gone."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return None if stat.S_ISDIR(status.st_mode) else status.st_mtime_ns


def _problem(path: Path) -> str | None:
    """Why it is not a regular file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "it is gone"
    return next((problem for is_kind, problem in _KINDS if is_kind(mode)), None)


def _bad_name(name: str) -> str | None:
    """Why a name cannot be stored."""
    size = len(os.fsencode(name))
    if size > LONGEST_NAME_BYTES:
        return f"its name has {size} bytes, more than {LONGEST_NAME_BYTES}"
    return None if name.isprintable() else f"its name {name!a} is not UTF-8 or has control characters"


def _storable(name: str) -> str:
    """The name; a storable one, which differs for each, when it cannot be stored."""
    if _bad_name(name) is None:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    return f"{ascii(name)[1:81]}-{digest}".replace("/", "_")


def _stamp() -> str:
    return clock.now().strftime("%Y%m%dT%H%M%S.%f")
