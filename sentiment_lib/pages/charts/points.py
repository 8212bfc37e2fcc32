"""Two quantities against each other, a point with its interval for each thing that is compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import INK, SERIES, Chart, fitted_range, layout


@dataclass(frozen=True, kw_only=True)
class NamedPoint:
    """A thing at x and y, with the bounds of y where it has them; `marked` ones stand out."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    marked: bool = False


def points(title: str, rows: Sequence[NamedPoint], *, x_axis: str, y_axis: str) -> Chart:
    """A scatter plot whose x axis is logarithmic; x must be positive, y is a share from 0 to 1."""
    middle = math.sqrt(min(row.x for row in rows) * max(row.x for row in rows)) if rows else 0.0
    frame = layout(
        xaxis={"type": "log", "title": {"text": x_axis}, "automargin": True},
        yaxis={
            "title": {"text": y_axis},
            "tickformat": ".1~%",
            "automargin": True,
            "range": fitted_range(
                [value for row in rows for value in (row.y, row.low, row.high)], least=0.05, lowest=0.0, highest=1.0
            ),
        },
    )
    return Chart(
        title=title,
        figure={"data": [_trace(row, right=row.x > middle) for row in rows], "layout": frame},
        head=("", (x_axis, "num"), (y_axis, "num"), ("95 % interval", "num")),
        rows=tuple(
            (
                row.name,
                formatting.number(row.x),
                formatting.percent(row.y),
                formatting.percent_interval((row.low, row.high)),
            )
            for row in rows
        ),
        height=320,
    )


def _trace(row: NamedPoint, *, right: bool) -> dict[str, object]:
    """`right`: it lies on the right, so that its name goes to the left."""
    colour = SERIES[1] if row.marked else SERIES[0]
    trace: dict[str, object] = {
        "type": "scatter",
        "mode": "markers+text",
        "name": row.name,
        "x": [row.x],
        "y": [row.y],
        "text": [f"  {row.name}  "],
        "textposition": "middle left" if right else "middle right",
        "textfont": {"color": INK, "size": 12},
        "cliponaxis": False,
        "marker": {"size": 12 if row.marked else 9, "symbol": "diamond" if row.marked else "circle", "color": colour},
    }
    if row.low is not None and row.high is not None:
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [row.high - row.y],
            "arrayminus": [row.y - row.low],
            "color": colour,
            "thickness": 1.5,
        }
    return trace
