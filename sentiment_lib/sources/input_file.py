"""A file that comes in: a regular file, never a device or a pipe, unpacked as a stream of limited size."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from sentiment_lib.errors import BadSource
from sentiment_lib.settings import InputSettings

#: Unpacked size from which the ratio of unpacked to packed size is limited.
RATIO_FROM_BYTES = 64 << 20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """A path that is opened anew for each pass. Its methods raise BadSource when it cannot be opened."""

    path: Path
    limits: InputSettings
    #: whether the path may be a symbolic link
    follow_links: bool = True

    @property
    def name(self) -> str:
        """The file's name, where bytes that are not UTF-8 are escaped."""
        return printable(self.path.name or str(self.path))

    def open(self) -> io.BufferedReader:
        """The file as it is. Opening neither waits for the writer of a pipe nor follows a link that may not be."""
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if self.follow_links else os.O_NOFOLLOW)
        try:
            if not self.follow_links and self.path.is_symlink():
                raise BadSource(source=self.name, problem="it is a symbolic link")
            descriptor = os.open(self.path, flags)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise BadSource(source=self.name, problem="there is no such file") from error
        except OSError as error:
            problem = self._no_file() if self._is_special() else f"it cannot be opened ({error.strerror})"
            raise BadSource(source=self.name, problem=problem) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadSource(source=self.name, problem=self._no_file())
        return os.fdopen(descriptor, "rb")

    def _is_special(self) -> bool:
        return self.path.exists() and not self.path.is_file()

    def _no_file(self) -> str:
        return "it is a folder: name the files in it" if self.path.is_dir() else "it is no file"

    def digest(self) -> str:
        """SHA-256 of the file's bytes, in hex. Raises BadSource when it is empty, too."""
        with self.open() as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise BadSource(source=self.name, problem="the file is empty")
            return hashlib.file_digest(file, "sha256").hexdigest()

    def open_unpacked(self) -> IO[bytes]:
        """The content, unpacked when it is gzip; reading it raises BadSource above the limits."""
        file = self.open()
        if file.read(len(_GZIP)) != _GZIP:
            file.seek(0)
            return file
        packed = os.fstat(file.fileno()).st_size
        file.seek(0)
        unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=file, mode="rb"))
        maximum = min(
            self.limits.maximum_unpacked_bytes,
            max(RATIO_FROM_BYTES, int(self.limits.maximum_unpacking_ratio * packed)),
        )
        return io.BufferedReader(_Limited(unpacked, file, maximum, self.name), 128 << 10)


class _Limited(io.RawIOBase):
    """Reads from a stream until more than `maximum` bytes have come."""

    def __init__(self, stream: IO[bytes], file: IO[bytes], maximum: int, name: str) -> None:
        self._stream, self._file, self._maximum, self._name = stream, file, maximum, name
        self._count = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer. Raises BadSource above the maximum."""
        data = self._stream.read1(len(buffer))  # type: ignore[attr-defined]
        buffer[: len(data)] = data
        self._count += len(data)
        if self._count > self._maximum:
            problem = (
                f"it unpacks to more than {self._maximum} bytes: unpack it, or raise "
                "SENTIMENT_INPUT__MAXIMUM_UNPACKED_BYTES and SENTIMENT_INPUT__MAXIMUM_UNPACKING_RATIO"
            )
            raise BadSource(source=self._name, problem=problem)
        return len(data)

    def close(self) -> None:
        """Close both streams."""
        if not self.closed:
            self._stream.close()
            self._file.close()
        super().close()


def printable(name: str) -> str:
    """A file name that can be shown and stored: bytes that are not UTF-8 and control characters are escaped."""
    if name.isprintable():
        return name
    written = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in written)


def limited_lines(file: IO[str], maximum: int) -> Iterator[str]:
    """Lines with their ends. Of a line of more than `maximum` characters, its first `maximum` + 1 come."""
    readline, size = file.readline, maximum + 1
    while line := readline(size):
        yield line
        if len(line) > maximum:  # skip the rest, which is read piece by piece
            while line and not line.endswith(("\n", "\r")):
                line = readline(size)
