"""Tar archives of folders, written and read as streams, compressed and encrypted; nothing is in clear on the disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sentiment_lib.encryption.age import DecryptingReader, EncryptingWriter
from sentiment_lib.errors import BackupRefused
from sentiment_lib.steps.backup.manifest import BackupFile

_BUFFER = 1 << 20
#: Fast rather than small: packages and snapshots are compressed already.
_LEVEL = 1


@dataclass
class Count:
    """Files that were archived, and those that went while their folder was read."""

    archived: int = 0
    vanished: int = 0


class _HashingFile(io.RawIOBase):
    """A file that is written once, with the SHA-256 and number of the bytes so far."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.sha256, self.size_bytes = hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        written = 0
        while written < len(view):
            written += os.write(self._descriptor, view[written:])
        self.sha256.update(view)
        self.size_bytes += written
        return written

    def close(self) -> None:
        if not self.closed:
            super().close()
            try:
                os.fsync(self._descriptor)
            finally:
                os.close(self._descriptor)


@contextmanager
def encrypted(path: Path, recipients: Sequence[bytes], made: list[BackupFile]) -> Iterator[IO[bytes]]:
    """Yield a file to write to; what is written is encrypted into `path`, which is appended to `made` at the end.

    An exception leaves `path` incomplete, and unreadable as such.
    """
    with _HashingFile(path) as raw:
        writer = EncryptingWriter(raw, recipients)  # type: ignore[arg-type]
        try:
            yield writer  # type: ignore[misc]
        except BaseException:
            writer.abandon()
            raise
        writer.close()
        made.append(BackupFile(name=path.name, size_bytes=raw.size_bytes, sha256=raw.sha256.hexdigest()))


def write(sink: IO[bytes], folders: Mapping[str, Path], contents: Mapping[str, bytes]) -> Count:
    """Archive each folder under its name, and each of `contents` as a file; links and sockets are left out."""
    count = Count()
    with (
        gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=_LEVEL, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in contents.items():
            information = tarfile.TarInfo(name)
            information.size, information.mode = len(data), 0o600
            archive.addfile(information, io.BytesIO(data))
            count.archived += 1
        for name, folder in folders.items():
            for path in _files(folder):
                if _add(archive, path, f"{name}/{path.relative_to(folder).as_posix()}"):
                    count.archived += 1
                else:
                    count.vanished += 1
    return count


def _files(folder: Path) -> Iterator[Path]:
    """Plain files below the folder, or the folder itself where it is a file, in order."""
    if folder.is_file():
        yield folder
    for base, _, names in sorted(os.walk(folder)):
        for path in sorted(Path(base, name) for name in names):
            if path.is_file() and not path.is_symlink():
                yield path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> bool:
    """Add a file of which the first bytes stay as they are while it is read; False when it has gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        archive.addfile(archive.gettarinfo(arcname=name.removesuffix("/."), fileobj=file), file)
    return True


def extract(source: Path, identities: Sequence[bytes], targets: Mapping[str, Path]) -> int:
    """Extract an encrypted archive: each top folder to its target, others are left out; returns the number of files.

    Raises BackupRefused for a member that would leave its target, and as `DecryptingReader` does.
    """
    extracted = 0
    with source.open("rb") as file:
        plain = io.BufferedReader(DecryptingReader(file, identities), _BUFFER)
        with gzip.GzipFile(fileobj=plain) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for member in archive:
                top, _, rest = member.name.partition("/")
                if not member.isreg() or top not in targets:
                    continue
                target = targets[top] / rest if rest else targets[top]
                _write_member(archive, member, target, within=targets[top])
                extracted += 1
            while unpacked.read(_BUFFER):  # up to the last chunk, so that a file that was cut off is noticed
                continue
    return extracted


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, *, within: Path) -> None:
    if ".." in target.parts or not target.is_relative_to(within):
        raise BackupRefused(backup=member.name, problem="it leads out of its folder")
    content = archive.extractfile(member)
    assert content is not None
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in _chunks(content):
            file.write(chunk)
        os.fchmod(descriptor, member.mode & 0o777)
    os.utime(target, (member.mtime, member.mtime))


def _chunks(file: IO[bytes]) -> Iterable[bytes]:
    return iter(lambda: file.read(_BUFFER), b"")


def decrypt(source: Path, identities: Sequence[bytes], plain: IO[bytes]) -> None:
    """Decrypt a file that is no archive, such as a dump, into `plain`. Raises as `DecryptingReader` does."""
    with source.open("rb") as file:
        for chunk in _chunks(io.BufferedReader(DecryptingReader(file, identities), _BUFFER)):
            plain.write(chunk)
