"""Remove backups that are past their retention, and what a killed process left of one."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sentiment_lib.settings import Settings
from sentiment_lib.steps.backup import manifest

#: Backups that are kept whatever their age: a schedule that has failed for long must not end with none.
KEPT = 3
_NAME = re.compile(r"\d{8}T\d{6}Z")


def complete(folder: Path) -> list[Path]:
    """Folders of complete backups, oldest first."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if _NAME.fullmatch(path.name) and (path / manifest.FILE).exists())


def as_of(backup: Path) -> datetime:
    """The moment in a backup's name."""
    return datetime.strptime(backup.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def run(settings: Settings, before: datetime) -> int:
    """Remove backups taken before then, but for the newest KEPT, with their secrets; returns their number."""
    old = [backup for backup in complete(settings.backups)[:-KEPT] if as_of(backup) < before]
    for backup in old:
        # without its manifest it counts as incomplete, and the next backup removes what a killed process left
        (backup / manifest.FILE).unlink()
        _keys(settings, backup.name).unlink(missing_ok=True)
        shutil.rmtree(backup)
    return len(old)


def remove_incomplete(settings: Settings) -> None:
    """Remove drafts, and folders without a manifest, with their secrets. The caller holds the lock of the folder.

    Secrets of backups that are not here stay: somebody may have moved those backups elsewhere.
    """
    whole = {backup.name for backup in complete(settings.backups)}
    for path in settings.backups.iterdir():
        name = path.name.removeprefix(".").removesuffix(".part")
        if path.is_dir() and _NAME.fullmatch(name) and path.name not in whole:
            _keys(settings, name).unlink(missing_ok=True)
            shutil.rmtree(path)


def _keys(settings: Settings, name: str) -> Path:
    return settings.backup_keys / f"{name}.{manifest.KEYS}"
