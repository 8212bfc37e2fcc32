"""The landing folder: drop a file, and the next poll takes it.

    landing/FILE.csv             columns named as our fields
    landing/airline/FILE.csv     columns of the named preset
    landing/claimed/             being read; a file found here at the start was left by a killed process
    landing/done/, failed/       what became of it; beside a failed file stands why

Write under a name that ends in .part and rename: a claim is a rename too, so nothing half-written is read.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sentiment_lib.sources.presets import PRESETS


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A file that only this process reads now."""

    path: Path
    preset: str


class Landing:
    """One landing folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("claimed", "done", "failed", *PRESETS):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """True when no other process reads the folder; the kernel lets go when the process dies."""
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def claims(self) -> Iterator[Claim]:
        """Leftovers first, then new files, oldest first; each claimed by a rename."""
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
            except FileNotFoundError:  # who dropped it has taken it back
                continue
            yield Claim(path=claimed, preset=preset)

    def done(self, claim: Claim) -> None:
        """The file was taken in."""
        self._put(claim.path, "done")

    def failed(self, claim: Claim, why: str) -> None:
        """The file cannot be read; the reason is written beside it."""
        kept = self._put(claim.path, "failed")
        kept.with_name(kept.name + ".why.txt").write_text(why + "\n")

    def _put(self, path: Path, name: str) -> Path:
        target = self.folder / name / path.name
        if target.exists():
            target = target.with_name(f"{_stamp()}-{path.name}")
        return path.rename(target)


def _written(path: Path) -> int | None:
    """Time of the last write in ns; None when it is no file (any more)."""
    try:
        return path.stat().st_mtime_ns if path.is_file() else None
    except FileNotFoundError:
        return None


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
