"""Words that the platform itself uses: names of fields and tables, its messages, its pages.

Whoever writes a tweet chooses its words. One that stands in the platform's own records, logs and pages is never a
reason to erase them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import sentiment_lib

_SUFFIXES = frozenset({".py", ".html", ".css", ".js", ".json", ".md", ".ini", ".toml", ".mako", ".svg", ".txt"})
_NAME, _WORD = re.compile(r"\w+"), re.compile(r"[^\W\d_][\w'’]*")
#: Of log lines, JSON, HTML and what libraries write around a message.
_USUAL = _WORD.findall(
    """
    debug info warn warning error critical fatal exception traceback most recent call last file line module raise
    null true false none nan infinity html head body script style stylesheet link href meta charset utf span div
    table tbody thead title class width height http https localhost headers accept agent host post get put delete
    patch application json text plain content length type encoding gzip bytes string number object array
    """
)


@cache
def platform_words() -> frozenset[str]:
    """Lower-case words of the package, and of the DAGs and plugins beside it, whole and cut at underscores."""
    found = set(_USUAL)
    for path in _files():
        content = path.read_text(encoding="utf-8", errors="replace").lower()
        found.update(_WORD.findall(content))
        for name in set(_NAME.findall(content)):
            found.add(name)
            found.update(name.split("_"))
    return frozenset(found)


def _files() -> Iterator[Path]:
    package = Path(sentiment_lib.__file__).parent
    for folder in (package, package.with_name("dags"), package.with_name("plugins")):
        yield from (path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES and path.is_file())
