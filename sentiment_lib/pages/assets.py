"""Static files of the pages. Links carry a digest of the content, so browsers may cache them forever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sentiment_lib.errors import MissingExtra, NotFound

FOLDER = Path(__file__).with_name("static")
PLOTLY = "plotly.js"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
#: Cache-Control header of every static file: its URL holds a digest of the content.
CACHE_CONTROL = "public, max-age=31536000, immutable"


class Assets:
    """Files of the shared folder and of `folders` (later ones win), and Plotly's script, by name."""

    def __init__(self, *folders: Path) -> None:
        self._paths = {
            path.name: path
            for folder in (FOLDER, *folders)
            for path in sorted(folder.iterdir())
            if path.suffix in TYPES
        }
        self._read: dict[str, bytes] = {}

    def names(self) -> Sequence[str]:
        """Names of all files."""
        return [*self._paths, PLOTLY]

    def content(self, name: str) -> tuple[bytes, str]:
        """Bytes and media type; raises NotFound for any other name, so no path leads out of the folders."""
        if name == PLOTLY:
            return plotly_script(), TYPES[".js"]
        if name not in self._paths:
            raise NotFound(what="static file", key=name[:60])
        if name not in self._read:
            self._read[name] = self._paths[name].read_bytes()
        return self._read[name], TYPES[self._paths[name].suffix]

    def versioned(self, name: str) -> str:
        """Name with a digest of the content for links, such as 'style.css?v=1f0c2d3e'; raises NotFound."""
        return f"{name}?v={hashlib.sha256(self.content(name)[0]).hexdigest()[:10]}"


@cache
def plotly_script() -> bytes:
    """Plotly's script (4.5 MB) from the installed package, so that no page loads from another host.

    Raises MissingExtra without plotly.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtra(what="A page with charts", package="plotly", extra="serving") from error
    script: str = get_plotlyjs()
    return script.encode()
