"""Static files of the pages, each with a name that changes with its content, so that browsers may keep it for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sentiment_lib.errors import MissingExtra, NotFound

FOLDER = Path(__file__).with_name("static")
PLOTLY = "plotly.js"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
#: Header of every static answer: the address holds a digest of the content.
CACHE_CONTROL = "public, max-age=31536000, immutable"


class Assets:
    """Files of some folders (the later wins) and Plotly's script, by name."""

    def __init__(self, *folders: Path) -> None:
        self._paths = {
            path.name: path
            for folder in (FOLDER, *folders)
            for path in sorted(folder.iterdir())
            if path.suffix in TYPES
        }
        self._read: dict[str, bytes] = {}

    def names(self) -> Sequence[str]:
        """All names there are."""
        return [*self._paths, PLOTLY]

    def content(self, name: str) -> tuple[bytes, str]:
        """Bytes and media type; NotFound for other names, so that no path leads out of the folders."""
        if name == PLOTLY:
            return plotly_script(), TYPES[".js"]
        if name not in self._paths:
            raise NotFound(what="static file", key=name[:60])
        if name not in self._read:
            self._read[name] = self._paths[name].read_bytes()
        return self._read[name], TYPES[self._paths[name].suffix]

    def versioned(self, name: str) -> str:
        """Name with a digest of the content, as links carry it: 'style.css?v=1f0c2d3e'."""
        return f"{name}?v={hashlib.sha256(self.content(name)[0]).hexdigest()[:10]}"


@cache
def plotly_script() -> bytes:
    """Plotly's own script (4.5 MB), from the installed package: no page asks another host for anything."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtra(what="A page with charts", package="plotly", extra="serving") from error
    script: str = get_plotlyjs()
    return script.encode()
