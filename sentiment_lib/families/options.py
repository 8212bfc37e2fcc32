"""Options of a training: defaults, bounds, errors for unknown or invalid ones, and a record of the values used."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sentiment_lib.errors import BadInput


@dataclass(frozen=True)
class Number:
    """A numeric option: default (None: the family chooses), lowest and highest value, and whether it is an integer."""

    default: float | None
    least: float
    most: float
    integer: bool = True


#: scikit-learn's C; without it a family chooses on its held-out rows.
INVERSE_REGULARISATION = Number(None, 1e-6, 1e6, integer=False)


_used: ContextVar[tuple[str, dict[str, Any]] | None] = ContextVar("options_used", default=None)


@contextmanager
def record_used(family: str) -> Iterator[dict[str, Any]]:
    """A mapping that receives each option of the family which is read in the block, with its value or default.

    For the record of a training: no model depends on it. None stands for what the family itself chooses.
    """
    used: dict[str, Any] = {}
    token = _used.set((family, used))
    try:
        yield used
    finally:
        _used.reset(token)


def _note_used(family: str, values: Mapping[str, Any]) -> None:
    recording = _used.get()
    if recording is not None and recording[0] == family:
        recording[1].update(values)


def parse_numbers(
    family: str, options: Mapping[str, Any], known: Mapping[str, Number], others: Collection[str] = ()
) -> dict[str, Any]:
    """Value of each known number; BadInput for one that is out of bounds, and for an unknown option.

    `others` are the names of options that are not numbers.
    """
    if unknown := sorted(set(options) - set(known) - set(others)):
        names = ", ".join(sorted({*known, *others})) or "none"
        raise BadInput(what=f"option {unknown[0]} of {family}", problem=f"known are {names}")
    parsed = {name: _parse(family, name, options.get(name, number.default), number) for name, number in known.items()}
    _note_used(family, parsed)
    return parsed


def parse_choice(
    family: str, options: Mapping[str, Any], name: str, choices: Sequence[str], *, default: str | None = None
) -> str:
    """The option's value, by default `default` or the first choice; BadInput for anything but a choice."""
    value = options.get(name, default or choices[0])
    if value not in choices:
        raise BadInput(what=f"option {name} of {family}", problem=f"{value!r} is none of {', '.join(choices)}")
    _note_used(family, {name: value})
    return str(value)


def _parse(family: str, name: str, value: Any, number: Number) -> Any:
    if value is None and number.default is None:
        return None
    kind = "whole number" if number.integer else "number"
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not numeric or not number.least <= value <= number.most or (number.integer and value != int(value)):
        problem = f"{value!r} is no {kind} from {number.least:g} to {number.most:g}"
        raise BadInput(what=f"option {name} of {family}", problem=problem)
    return int(value) if number.integer else float(value)
