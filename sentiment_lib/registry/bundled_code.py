"""The project's inference code, stored with each version in MLflow (`code_paths`).

The project is not on a package index, so pip cannot install it for someone who loads a version through MLflow alone.
Stored code also keeps a version's predictions the same when the project changes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: Files and folders of sentiment_lib: what registry/model_package.py needs to read a package.
PARTS = (
    *("__init__.py", "hashing.py", "files.py", "errors.py", "machine.py", "records.py", "scratch.py"),
    *("text", "statistics", "families"),
    *("registry/__init__.py", "registry/model_package.py", "registry/older_normaliser.py", "registry/requirements.py"),
)


def copy_to(folder: Path) -> Path:
    """Copy these parts into a new folder `sentiment_lib` below `folder`, without bytecode; returns its path."""
    source, target = Path(__file__).parents[1], folder / "sentiment_lib"
    for part in PARTS:
        destination = target / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, destination, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source / part, destination)
    return target
