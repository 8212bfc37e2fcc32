"""Atomic, durable writes: a reader sees the old file or the new one, also after a kill or a power cut."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class PinnedFile:
    """An open file and its open folder: a folder or file of its path that somebody exchanges meanwhile is not used."""

    #: the name in the folder, by which the file is replaced or removed
    entry: Path
    #: the content, whatever the name stands for by now
    content: Path

    def require_current(self) -> None:
        """Raise OSError (ESTALE) unless the name still stands for this file."""
        if not os.path.samestat(self.entry.lstat(), self.content.stat()):
            raise OSError(errno.ESTALE, "it was exchanged while it was read", self.entry.name)

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """Yield a temporary path to write to, as `replace_atomically` does; it takes mode and times of the file.

        It is in a folder that nobody else can write to: in one that others may write to, a link could have its name.
        """
        status = self.content.stat()
        drafts = self.entry.with_name(f".{self.entry.name}.draft")
        drafts.mkdir(mode=0o700, exist_ok=True)  # there after a kill
        try:
            with _open(drafts, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW) as folder:
                if os.fstat(folder).st_uid != os.geteuid() or os.fstat(folder).st_mode & 0o022:
                    raise OSError(errno.EPERM, "somebody else may write to it", drafts.name)
                with replace_atomically(self.entry, drafts=_by_handle(folder)) as draft:
                    yield draft
                    os.chmod(draft, stat.S_IMODE(status.st_mode))
                    os.utime(draft, ns=(status.st_atime_ns, status.st_mtime_ns))
                    self.require_current()
        finally:
            if not drafts.is_symlink():
                shutil.rmtree(drafts, ignore_errors=True)


@contextmanager
def pinned(path: Path, *, trusted: Path | None = None) -> Iterator[PinnedFile]:
    """Open a regular file and its folder, and follow no link below `trusted`, by default the file's folder.

    Raises FileNotFoundError, and OSError for a link (ELOOP, ENOTDIR) or what is no regular file (EINVAL).
    """
    trusted = trusted or path.parent
    with ExitStack() as opened:
        folder = opened.enter_context(_open(trusted, os.O_PATH | os.O_DIRECTORY))
        for part in path.parent.relative_to(trusted).parts:
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
            folder = opened.enter_context(_open(_by_handle(folder) / part, flags))
        entry = _by_handle(folder) / path.name
        # neither waits for the writer of a pipe
        content = opened.enter_context(_open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        if not stat.S_ISREG(os.fstat(content).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path.name)
        yield PinnedFile(entry=entry, content=_by_handle(content))


def _by_handle(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}")


@contextmanager
def _open(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk: a new name outlives a power cut only after this."""
    _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
