"""A zip archive that several packages carry in parts, since PyPI takes no file of more than 100 MB."""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from sentiment_lib.errors import UnsafeArtefact
from sentiment_lib.hashing import hash_file


def unpacked(parts: Sequence[str], promised: str, folder: str, files: Sequence[str]) -> Path | None:
    """Folder of the user's cache with these files of the archive's `folder`; None when a part is missing.

    Unpacked once. The parts are paths below a folder of sys.path, in their order. UnsafeArtefact when what they make
    has not the promised SHA-256: nothing is taken out of an archive that nobody knows.
    """
    cached = platformdirs.user_cache_path("airline-sentiment") / folder
    if all((cached / file).is_file() for file in files):
        return cached
    found = [path for part in parts if (path := _installed(part)) is not None]
    if len(found) < len(parts):
        return None
    cached.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached, prefix="unpacking-") as scratch:
        with (whole := Path(scratch) / "archive.zip").open("wb") as joined:
            for path in found:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, joined)
        if hash_file(whole) != promised:
            problem = "its packages do not make the archive whose SHA-256 is pinned: install them again"
            raise UnsafeArtefact(artefact=folder, problem=problem)
        with zipfile.ZipFile(whole) as archive:
            for file in files:
                # whole or not at all, also when two processes unpack at once
                Path(archive.extract(f"{folder}/{file}", scratch)).replace(cached / file)
    return cached


def _installed(part: str) -> Path | None:
    # their names are no names of modules, so they are looked for as files
    return next((path for folder in sys.path if (path := Path(folder) / part).is_file()), None)
