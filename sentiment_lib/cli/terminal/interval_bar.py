"""A difference with its interval as one line of characters, on a scale that has zero and the bound to stay above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 48


@dataclass(frozen=True, kw_only=True)
class IntervalBar:
    """A difference; `bound` is what its lower end must stay above, None without one."""

    name: str
    value: float
    low: float
    high: float
    bound: float | None = None


def draw(bars: Sequence[IntervalBar], *, width: int = WIDTH) -> list[str]:
    """One line for each bar on a common scale: `├──●──┤` the interval, `│` zero, `▲` the bound."""
    marks = [value for bar in bars for value in (bar.low, bar.high, bar.bound or 0.0)]
    start, end = min(0.0, *marks), max(0.0, *marks)
    scale = (width - 1) / ((end - start) or 1.0)

    def column(value: float) -> int:
        return round((value - start) * scale)

    lines = []
    for bar in bars:
        cells = [" "] * width
        cells[column(0.0)] = "│"
        if bar.bound is not None:
            cells[column(bar.bound)] = "▲"
        low, high = column(bar.low), column(bar.high)
        for position in range(low, high + 1):
            cells[position] = cells[position] if cells[position] in "│▲" else "─"
        cells[low], cells[high] = "├", "┤"
        cells[column(bar.value)] = "●"
        lines.append("".join(cells))
    return lines
