"""Options of a training: their defaults, their bounds, and clear words for what is unknown."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment_lib.errors import BadInput


@dataclass(frozen=True)
class Number:
    """A number that an option may be: its default (None: the family chooses), its bounds, and whether it is whole."""

    usual: float | None
    least: float
    most: float
    whole: bool = True


#: Inverse of the regularisation, as scikit-learn's C; without it a family chooses on its later rows.
STRENGTH = Number(None, 1e-6, 1e6, whole=False)


def numbers(
    family: str, options: Mapping[str, Any], known: Mapping[str, Number], others: Collection[str] = ()
) -> dict[str, Any]:
    """Value of each known number; BadInput for one that is out of bounds, and for an option that nobody knows."""
    if strange := sorted(set(options) - set(known) - set(others)):
        names = ", ".join(sorted({*known, *others})) or "none"
        raise BadInput(what=f"option {strange[0]} of {family}", problem=f"known are {names}")
    return {name: _checked(family, name, options.get(name, number.usual), number) for name, number in known.items()}


def choice(
    family: str, options: Mapping[str, Any], name: str, known: Sequence[str], *, usual: str | None = None
) -> str:
    """The option's value, `usual` or the first of the known ones by default; BadInput for any other."""
    value = options.get(name, usual or known[0])
    if value not in known:
        raise BadInput(what=f"option {name} of {family}", problem=f"{value!r} is none of {', '.join(known)}")
    return str(value)


def _checked(family: str, name: str, value: Any, number: Number) -> Any:
    if value is None and number.usual is None:
        return None
    kind = "whole number" if number.whole else "number"
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not number.least <= value <= number.most or (number.whole and value != int(value)):
        problem = f"{value!r} is no {kind} from {number.least:g} to {number.most:g}"
        raise BadInput(what=f"option {name} of {family}", problem=problem)
    return int(value) if number.whole else float(value)
