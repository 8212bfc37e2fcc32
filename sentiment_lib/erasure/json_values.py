"""JSON with every value that its text has: an object may name a field twice, and parsers keep the last one alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


class _Repeating(dict[str, Any]):
    """An object whose text names a field twice: it has the last value, and those before in `hidden`."""

    hidden: list[tuple[str, Any]]


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, and RecursionError for one that is nested too deeply."""
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = _Repeating(pairs)
    if len(value) == len(pairs):
        return dict(pairs)
    last = {name: position for position, (name, _) in enumerate(pairs)}
    value.hidden = [pair for position, pair in enumerate(pairs) if last[pair[0]] != position]
    return value


def hidden_pairs(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Fields of an object that a later one of the same name hides."""
    return value.hidden if isinstance(value, _Repeating) else []


def every_pair(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All fields of an object with their values, hidden ones too."""
    yield from hidden_pairs(value)
    yield from value.items()
