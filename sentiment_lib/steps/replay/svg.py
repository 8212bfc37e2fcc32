"""Axes and marks of the pictures of a replay, as SVG text without scripts or foreign addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 46, 14, 40
#: Points closer than this share a number; height of one. Pixels.
TOGETHER, LINE = 4.0, 10.0
#: Numbers of points that lie on one another; more are told by the titles alone.
MOST_NUMBERS = 3


@dataclass
class Panel:
    """A panel with linear axes; marks are added in data coordinates."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_title: str
    y_title: str
    width: int = WIDTH
    height: int = HEIGHT
    marks: list[str] = field(default_factory=list)
    #: pixel of x -> (pixel of y, number) of its points
    numbered: dict[float, list[tuple[float, int]]] = field(default_factory=dict)

    def x(self, value: float) -> float:
        """Pixel of a value."""
        low, high = self.x_range
        return LEFT + (value - low) / ((high - low) or 1) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixel of a value."""
        low, high = self.y_range
        return self.height - BOTTOM - (value - low) / ((high - low) or 1) * (self.height - TOP - BOTTOM)

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> None:
        """A grey area between two lines."""
        there = [f"{self.x(x):.1f},{self.y(low):.1f}" for x, low in zip(xs, lows, strict=True)]
        back = [f"{self.x(x):.1f},{self.y(high):.1f}" for x, high in zip(xs, highs, strict=True)]
        self.marks.append(f'<polygon class="band" points="{" ".join(there + back[::-1])}"/>')

    def line(self, xs: Sequence[float], ys: Sequence[float], style: str, title: str) -> None:
        """A line of class `style`."""
        points = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True))
        self.marks.append(f'<polyline class="{style}" points="{points}"><title>{escape(title)}</title></polyline>')

    def point(self, x: float, y: float, number: int, title: str, *, hollow: bool) -> None:
        """A numbered point; hollow: before the gate."""
        kind = "hollow" if hollow else "full"
        px, py = self.x(x), self.y(y)
        self.numbered.setdefault(round(px, 1), []).append((py, number))
        self.marks.append(
            f'<circle class="{kind}" cx="{px:.1f}" cy="{py:.1f}" r="4"><title>{escape(title)}</title></circle>'
        )

    def error_bar(self, x: float, low: float, high: float) -> None:
        """A vertical interval, cut off where the panel ends."""
        px = self.x(x)
        bottom, top = (min(max(self.y(end), TOP), self.height - BOTTOM) for end in (low, high))
        self.marks.append(f'<line class="bar" x1="{px:.1f}" x2="{px:.1f}" y1="{bottom:.1f}" y2="{top:.1f}"/>')

    def render(self, label: str) -> Markup:
        """The panel as an SVG element; `label` says what it shows."""
        parts = [f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(label)}">']
        for value in ticks(*self.y_range):
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" text-anchor="end" x="{LEFT - 5}" y="{y + 3:.1f}">{value:g}</text>')
        for value in ticks(*self.x_range):
            x = self.x(value)
            parts.append(
                f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{self.height - BOTTOM + 15}">{value:g}</text>'
            )
        parts.append(
            f'<text class="axis" text-anchor="middle" x="{(LEFT + self.width) / 2:.0f}" y="{self.height - 6}">'
            f"{escape(self.x_title)}</text>"
            f'<text class="axis" text-anchor="middle" transform="translate(13 {self.height / 2:.0f}) rotate(-90)">'
            f"{escape(self.y_title)}</text>"
        )
        parts += [*self.marks, *self._numbers(), "</svg>"]
        return Markup("".join(parts))  # noqa: S704 (every text in it is escaped)

    def _numbers(self) -> list[str]:
        """The numbers of the points: one text for those that lie on one another, and no text over another one."""
        found = []
        for px, points in self.numbered.items():
            groups: list[list[tuple[float, int]]] = []
            for point in sorted(points):
                if groups and point[0] - groups[-1][-1][0] < TOGETHER:
                    groups[-1].append(point)
                else:
                    groups.append([point])
            lowest = -LINE
            for group in groups:
                lowest = max(sum(y for y, _ in group) / len(group) + 3, lowest + LINE)
                numbers = [str(number) for number in sorted({number for _, number in group})]
                text = ",".join(numbers[:MOST_NUMBERS]) + ("…" if len(numbers) > MOST_NUMBERS else "")
                found.append(f'<text class="mark" x="{px + 6:.1f}" y="{lowest:.1f}">{text}</text>')
        return found


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round values from low to high."""
    if high <= low:
        return [low]
    step = next(
        factor * 10.0**power
        for power in range(-6, 12)
        for factor in (1, 2, 5)
        if (high - low) / (factor * 10.0**power) <= most
    )
    first = -(-low // step)
    return [round(step * (first + number), 6) for number in range(most + 1) if step * (first + number) <= high + 1e-9]
