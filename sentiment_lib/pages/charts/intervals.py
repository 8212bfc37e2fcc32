"""Estimates with their confidence intervals, one per row (a forest plot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import SERIES, Chart, layout, vertical_line


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the bounds of its interval; `bound` is the limit that a rule sets."""

    name: str
    value: float
    low: float
    high: float
    bound: float | None = None


def intervals(
    title: str,
    rows: Sequence[Interval],
    *,
    axis: str,
    zero: bool = True,
    share: bool = False,
    note: str = "95 % interval",
) -> Chart:
    """A row per estimate, the first on top; bounds are short red lines. `zero` draws a line at 0.

    share: values lie between 0 and 1 and are shown as percent; note: heading of the intervals.
    """
    names = [row.name for row in rows]
    points = {
        "type": "scatter",
        "mode": "markers",
        "name": axis,
        "x": [row.value for row in rows],
        "y": names,
        "marker": {"size": 9, "color": SERIES[0]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row.high - row.value for row in rows],
            "arrayminus": [row.value - row.low for row in rows],
            "color": SERIES[0],
            "thickness": 2,
        },
    }
    bounded = [row for row in rows if row.bound is not None]
    bounds = {
        "type": "scatter",
        "mode": "markers",
        "name": "bound",
        "x": [row.bound for row in bounded],
        "y": [row.name for row in bounded],
        "marker": {"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": "var(--bad)"}, "color": "var(--bad)"},
    }
    scale = {"tickformat": ".1~%"} if share else {}
    frame = layout(xaxis={"title": {"text": axis}, **scale}, yaxis={"autorange": "reversed", "automargin": True})
    decimal, interval = (
        (formatting.percent, formatting.percent_interval) if share else (formatting.decimal, formatting.interval)
    )
    if zero:
        frame["shapes"] = [vertical_line(0.0, dash="solid")]
    return Chart(
        title=title,
        figure={"data": [points, bounds] if bounded else [points], "layout": frame},
        head=("", (axis, "num"), (note, "num"), *((("bound", "num"),) if bounded else ())),
        rows=tuple(
            (
                row.name,
                decimal(row.value),
                interval((row.low, row.high)),
                *((decimal(row.bound),) if bounded else ()),
            )
            for row in rows
        ),
        height=90 + 34 * max(len(rows), 2),
    )
