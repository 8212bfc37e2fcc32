"""The landing folder: drop a file, and the next poll ingests it.

    landing/FILE.csv             columns named like the fields of a row
    landing/airline/FILE.csv     columns of the named preset
    landing/labels/NAME.csv      labels of stored tweets, given by NAME
    landing/claimed/             being read; a file in it at the start is that of a killed process
    landing/done/, failed/       ingested or refused, with the reasons for the file or its rows beside it

Write under a name that ends in .part and rename: a claim is a rename too, so nothing half-written is read.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sentiment_lib.files import write_atomically
from sentiment_lib.sources.presets import PRESETS


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A file that only this process reads now."""

    path: Path
    preset: str

    @property
    def file_name(self) -> str:
        """The name that the file was dropped under."""
        return self.path.name.removeprefix(f"{self.preset}__")


class Landing:
    """One landing folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("claimed", "done", "failed", *PRESETS):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Whether this process holds the folder's lock, which ends with the process."""
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def claims(self) -> Iterator[Claim]:
        """Files of a killed process first, then new files, oldest first; each is claimed by a rename."""
        for path in sorted((self.folder / "claimed").iterdir()):
            yield Claim(path=path, preset=path.name.partition("__")[0])
        waiting = [
            (written, path, name)
            for name, folder in (("plain", self.folder), *((name, self.folder / name) for name in PRESETS))
            for path in folder.iterdir()
            if not path.name.startswith(".") and path.suffix not in (".part", ".tmp")
            if (written := _written(path)) is not None
        ]
        for _, path, preset in sorted(waiting):
            claimed = self.folder / "claimed" / f"{preset}__{path.name}"
            if claimed.exists():
                claimed = claimed.with_name(f"{preset}__{_stamp()}-{path.name}")
            try:
                path.rename(claimed)
            except FileNotFoundError:  # removed meanwhile
                continue
            yield Claim(path=claimed, preset=preset)

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


def _written(path: Path) -> int | None:
    """Time of the last write in ns; None when it is not a file, or is gone."""
    try:
        return path.stat().st_mtime_ns if path.is_file() else None
    except FileNotFoundError:
        return None


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
