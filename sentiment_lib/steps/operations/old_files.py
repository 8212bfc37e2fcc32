"""Files that are past their retention: ingested ones, logs of tasks, cached packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path


def remove_ingested(landing: Path, before: datetime) -> int:
    """Remove files that were moved to done/ and failed/ before then, with the reasons beside them; returns how many."""
    removed = 0
    for name in ("done", "failed"):
        for path in (landing / name).glob("*"):
            # a move changes the time of the entry, and keeps that of the content
            if not path.is_dir() and path.lstat().st_ctime < before.timestamp():
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def remove_packages(cache: Path, before: datetime, kept: Collection[str]) -> int:
    """Remove cached packages but those with these digests; one that is needed again is downloaded."""
    removed = 0
    for folder in cache.glob("[!.]*"):
        if folder.name not in kept and folder.stat().st_ctime < before.timestamp():
            shutil.rmtree(folder)
            removed += 1
    return removed


def remove_logs(folder: Path, before: datetime) -> int:
    """Remove log files below the folder that nobody has written to since then, and folders that are empty."""
    removed = 0
    for path, folders, files in os.walk(folder, topdown=False):
        for name in files:
            file = Path(path, name)
            if file.lstat().st_mtime < before.timestamp():
                file.unlink(missing_ok=True)
                removed += 1
        for name in folders:
            empty = Path(path, name)
            if not empty.is_symlink() and empty.stat().st_mtime < before.timestamp() and not any(empty.iterdir()):
                empty.rmdir()
    return removed


def folder_bytes(home: Path) -> dict[str, int]:
    """Bytes of the files below each folder in `home`."""
    return {folder.name: sum(_sizes(folder)) for folder in sorted(home.glob("*")) if folder.is_dir()}


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes of each file below the folder; files that go meanwhile, and those of others, count nothing."""
    for path in folder.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                yield path.lstat().st_size
        except (FileNotFoundError, PermissionError):
            continue
