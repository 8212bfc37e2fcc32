"""Results of costly computations, kept in the process or in a file, by a key that says all they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from sentiment_lib.hashing import canonical_json, hash_text

T = TypeVar("T")
#: Libraries whose release may change a result.
LIBRARIES = ("numpy", "scipy", "scikit-learn", "pandas", "evidently")


class Memory:
    """Results by key. With a file, those that JSON can hold outlive the process; `about` is part of their keys."""

    def __init__(self, path: Path | None = None, *, about: str = "") -> None:
        self._path = path
        self._about = about
        self._results: dict[Any, Any] = {}
        self._lines = _read(path)

    def once(self, key: tuple[Any, ...], compute: Callable[[], T]) -> T:
        """The result of the first call with this key in this process."""
        if key not in self._results:
            self._results[key] = compute()
        found: T = self._results[key]
        return found

    def stored(self, key: object, compute: Callable[[], Any]) -> Any:
        """As `once`, and in the file: key and result are JSON values; tuples come back as lists."""
        name = hash_text(canonical_json([self._about, key]))
        if name not in self._lines:
            self._lines[name] = json.loads(json.dumps(compute()))
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a") as file:
                    file.write(json.dumps({"key": name, "result": self._lines[name]}) + "\n")
        return self._lines[name]


def _read(path: Path | None) -> dict[str, Any]:
    """Results of the file. The last line of a killed process may be cut off, and is computed again."""
    found: dict[str, Any] = {}
    if path is None or not path.exists():
        return found
    for line in path.read_text().splitlines():
        try:
            body = json.loads(line)
            found[body["key"]] = body["result"]
        except (ValueError, KeyError, TypeError):
            continue
    return found


@cache
def code_digest(*parts: str) -> str:
    """SHA-256 of the library's source in these folders and files: a change of the code makes new results."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for part in parts:
        place = root / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{path.relative_to(root)}\x1f".encode() + path.read_bytes() + b"\x1e")
    return digest.hexdigest()


@cache
def library_versions() -> dict[str, str]:
    """Releases of LIBRARIES; "" for one that is not installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found
