"""Atomic, durable writes: a reader sees the old file or the new one, also after a kill or a power cut."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

Content = bytes | str | Mapping[str, object] | Sequence[object]


def write_atomically(path: Path, content: Content, *, mode: int | None = None) -> None:
    """Write bytes, text (UTF-8) or a JSON value to the file; its folder is made when it is missing.

    `mode` are the file's permissions, by default 0666 less the umask. Raises OSError when the disk refuses; the old
    file stays.
    """
    if isinstance(content, str):
        content = content.encode("utf-8")
    elif not isinstance(content, bytes):
        content = json.dumps(content).encode("utf-8")
    with replace_atomically(path) as draft:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(content)


@contextmanager
def replace_atomically(path: Path, *, drafts: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path to write to; then flush it to disk and move it to `path`. An exception removes it.

    For writers that take a path. `drafts` is the folder of the temporary file, on the same file system: for a writer
    that leaves files of its own beside it when it is killed. By default it is the folder of `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = drafts or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{path.name}.{os.getpid()}-{threading.get_ident()}.part"
    draft.unlink(missing_ok=True)  # left by a killed process that had the same id
    try:
        yield draft
        _sync(draft, os.O_RDWR)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk: a new name outlives a power cut only after this."""
    _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
