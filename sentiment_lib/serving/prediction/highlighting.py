"""A text cut into pieces by what each did for the label: what the pages mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lib.families.attribution import Part

#: Of the strongest part: weaker ones are not marked.
LEAST_SHARE = 0.15
#: Log-odds below which a part says nothing.
LEAST_WEIGHT = 0.05


@dataclass(frozen=True)
class Piece:
    """Some characters; strength 1 to 3 for the label, -1 to -3 against it, 0 for neither."""

    text: str
    strength: int
    weight: float


def pieces(text: str, parts: Sequence[Part] | None) -> list[Piece]:
    """The whole text in order; each part with its strength relative to the strongest."""
    if not parts:
        return [Piece(text, 0, 0.0)]
    strongest = max(abs(part.weight) for part in parts)
    found: list[Piece] = []
    at = 0
    for part in sorted(parts, key=lambda part: part.start):
        if part.start > at:
            found.append(Piece(text[at : part.start], 0, 0.0))
        found.append(Piece(text[part.start : part.end], _strength(part.weight, strongest), part.weight))
        at = part.end
    if at < len(text):
        found.append(Piece(text[at:], 0, 0.0))
    return found


def _strength(weight: float, strongest: float) -> int:
    if abs(weight) < max(LEAST_WEIGHT, LEAST_SHARE * strongest):
        return 0
    size = 1 + int(abs(weight) > strongest / 3) + int(abs(weight) > 2 * strongest / 3)
    return size if weight > 0 else -size
