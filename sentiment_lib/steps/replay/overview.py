"""Several replayed histories in one picture, as an SVG file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from sentiment_lib.steps.replay import pictures
from sentiment_lib.steps.replay.svg import HEIGHT, WIDTH

COLUMNS, HEADING, MARGIN = 2, 26, 8
#: Height of a line of the legend.
LINE = 17
STYLE = Path(__file__).parent / "templates" / "chart.css"
FONT = "text{font-family:system-ui,sans-serif}.heading{font-size:14px;font-weight:600;fill:#1b2430}"
DARK = "@media(prefers-color-scheme:dark){.heading{fill:#e6ebf1}}"
LEGEND = (
    "grey: all schedules of as many trainings",
    "green: best plan in hindsight",
    "dashed: planned on one half of the rows, scored on the other",
    "dotted: calendar, mean over its phases",
    "points: policies; full with the gate, hollow without",
)


def render(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """SVG of accuracy by number of trainings: a panel for each (title, `ReplayResult.as_dict`), then the legend."""
    numbered = pictures.number_policies([result for _, result in results])
    texts = [*LEGEND, "", *(f"{number}  {title}" for number, title in numbered.values())]
    cells = [*(_panel(title, result) for title, result in results), _legend(texts)]
    above = len(results) // COLUMNS  # rows before that of the legend, which may be higher than a panel
    legend_height = HEADING + LINE * (len(texts) + 1)
    width, height = (
        COLUMNS * (WIDTH + MARGIN),
        above * (HEIGHT + HEADING + MARGIN) + max(HEIGHT + HEADING + MARGIN, legend_height),
    )
    placed = [
        Markup('<g transform="translate({} {})">{}</g>').format(
            number % COLUMNS * (WIDTH + MARGIN), number // COLUMNS * (HEIGHT + HEADING + MARGIN), cell
        )
        for number, cell in enumerate(cells)
    ]
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" '
        'aria-label="Accuracy by number of trainings, {} histories"><style>{}</style>{}</svg>\n'
    ).format(width, height, len(results), Markup(STYLE.read_text() + FONT + DARK), Markup("").join(placed))  # noqa: S704


def _panel(title: str, result: dict[str, Any]) -> Markup:
    heading = Markup('<text class="heading" x="52" y="18">{}</text>').format(title)
    return heading + Markup('<svg y="{}" width="{}" height="{}">{}</svg>').format(
        HEADING, WIDTH, HEIGHT, pictures.quality(result)
    )


def _legend(texts: Sequence[str]) -> Markup:
    return Markup("").join(
        Markup('<text class="axis" x="52" y="{}">{}</text>').format(HEADING + 12 + LINE * line, escape(text))
        for line, text in enumerate(texts)
    )
