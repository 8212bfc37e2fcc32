"""A zip archive that several packages carry in parts, since none may be larger than 100 MB on PyPI."""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, kw_only=True)
class SplitArchive:
    """`packages` as pip takes them, `parts` below a folder of sys.path, `folder` of the archive that is wanted."""

    packages: tuple[str, ...]
    parts: tuple[str, ...]
    folder: str

    def unpacked(self, files: Sequence[str]) -> Path | None:
        """Folder of the user's cache with these files, unpacked once; None when a part is missing."""
        cached = platformdirs.user_cache_path("airline-sentiment") / self.folder
        if all((cached / file).is_file() for file in files):
            return cached
        found = [self._part(part) for part in self.parts]
        parts = [path for path in found if path is not None]
        if len(parts) < len(self.parts):
            return None
        cached.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached, prefix="unpacking-") as scratch:
            whole = Path(scratch) / "archive.zip"
            with whole.open("wb") as joined:
                for path in parts:
                    with path.open("rb") as part:
                        shutil.copyfileobj(part, joined)
            with zipfile.ZipFile(whole) as archive:
                for file in files:
                    taken = Path(scratch) / file
                    with archive.open(f"{self.folder}/{file}") as content, taken.open("wb") as out:
                        shutil.copyfileobj(content, out)
                    # whole or not at all, also when two processes unpack at once
                    taken.replace(cached / file)
        return cached

    def _part(self, part: str) -> Path | None:
        # their names are no names of modules, so they are looked for as files
        return next((path for folder in sys.path if (path := Path(folder) / part).is_file()), None)
