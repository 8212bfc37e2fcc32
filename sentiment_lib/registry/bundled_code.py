"""The part of this project that a model answers with, as it is stored beside each version in MLflow.

The project is on no package index, so no line for pip would bring it to whoever loads a version by MLflow alone; and
code that is stored with a version answers as it did when the project has moved on.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: Files and folders of sentiment_lib: what registry/model_package.py needs to read a package.
PARTS = (
    *("__init__.py", "hashing.py", "files.py", "errors.py", "machine.py", "records.py"),
    *("text", "statistics", "families"),
    *("registry/__init__.py", "registry/model_package.py", "registry/older_normaliser.py", "registry/requirements.py"),
)


def copy_to(folder: Path) -> Path:
    """A copy of these parts in a new folder `sentiment_lib` below that one, without anything compiled; its path."""
    source, target = Path(__file__).parents[1], folder / "sentiment_lib"
    for part in PARTS:
        place = target / part
        place.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source / part, place)
    return target
