"""Which recorded files forgetting may change: those that the platform signed for, and that are what it wrote.

A row of a file names any path; the platform's account would change what that account may write to.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from sqlalchemy import Connection

from sentiment_lib.storage import exports

_GONE = "it is gone"


def to_search(connection: Connection, home: Path) -> list[tuple[int, Path]]:
    """Exports of this machine, by id, whose files are still there and may be changed."""
    return [(number, path) for number, path, refused in _judged(connection, home) if not refused]


def left(connection: Connection, home: Path) -> list[dict[str, object]]:
    """Exports of this machine, by id, that forgetting leaves as they are, and why; for a receipt."""
    return [{"export": number, "why": refused} for number, _, refused in _judged(connection, home) if refused]


def _judged(connection: Connection, home: Path) -> list[tuple[int, Path, str]]:
    host = socket.gethostname()
    signed = exports.signed_places(connection)
    judged = []
    for export in exports.on_host(connection, host):
        path = Path(export.path or "")
        refused = _reason(path, home.resolve())
        if refused != _GONE:
            if exports.place(host, str(export.path)) not in signed:
                refused = "no signed row of the ledger names it"
            judged.append((export.export_id, path, refused))
    return judged


def _reason(path: Path, home: Path) -> str:
    """Why this file is not changed; empty where it may be."""
    try:
        if path.resolve(strict=True) != path:
            return "a symbolic link is on its path"
        if not stat.S_ISREG(path.lstat().st_mode):
            return "it is no regular file"
    except RuntimeError:  # links in a circle
        return "a symbolic link is on its path"
    except (FileNotFoundError, NotADirectoryError):
        return "a symbolic link is on its path" if path.is_symlink() else _GONE
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if path.is_relative_to(home):
        return "it is below SENTIMENT_HOME"
    if path.suffix.lower() not in exports.SUFFIXES:
        return "its name ends otherwise than those of exports"
    if not (os.access(path, os.R_OK) and os.access(path.parent, os.W_OK)):
        return "this account may not read or replace it"
    return ""
