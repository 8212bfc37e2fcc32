"""Highlighting: a text divided into spans by their influence on the predicted label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lib.families.attribution import Attribution

#: Share of the strongest weight below which a span is not highlighted.
MIN_SHARE = 0.15
#: Weight in log-odds below which a span is not highlighted.
MIN_WEIGHT = 0.05


@dataclass(frozen=True)
class Span:
    """A stretch of text; strength 1 to 3 for the label, -1 to -3 against it, 0 for neither. `weight` in log-odds."""

    text: str
    strength: int
    weight: float


def highlight_spans(text: str, parts: Sequence[Attribution] | None) -> list[Span]:
    """The whole text in order, each part with its strength relative to the strongest one."""
    if not parts:
        return [Span(text, 0, 0.0)]
    strongest = max(abs(part.weight) for part in parts)
    spans: list[Span] = []
    end = 0
    for part in sorted(parts, key=lambda part: part.start):
        if part.start > end:
            spans.append(Span(text[end : part.start], 0, 0.0))
        spans.append(Span(text[part.start : part.end], _strength(part.weight, strongest), part.weight))
        end = part.end
    if end < len(text):
        spans.append(Span(text[end:], 0, 0.0))
    return spans


def _strength(weight: float, strongest: float) -> int:
    if abs(weight) < max(MIN_WEIGHT, MIN_SHARE * strongest):
        return 0
    size = 1 + int(abs(weight) > strongest / 3) + int(abs(weight) > 2 * strongest / 3)
    return size if weight > 0 else -size
