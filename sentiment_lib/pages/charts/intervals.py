"""Estimates with their confidence intervals, one per row (a forest plot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import SERIES, Chart, fitted_range, layout, vertical_line


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
    unit: str = "share",
    note: str = "95 % interval",
) -> Chart:
    """A row per estimate, the first on top; bounds are short red lines. `zero` draws a line at 0.

    unit: "share", values from 0 to 1 that are shown as percent, or "points", differences of such values.
    note: heading of the intervals.
    """
    ends: dict[str, float]
    scale, least, ends = (100, 2.0, {}) if unit == "points" else (1, 0.1, {"lowest": 0.0, "highest": 1.0})
    rows = [_scaled(row, scale) for row in rows]
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
    values = [value for row in rows for value in (row.low, row.high, row.bound)]
    across: dict[str, Any] = {"title": {"text": f"{axis} (points)" if unit == "points" else axis}}
    across["range"] = fitted_range([*values, *([0.0] if zero and rows else [])], least=least, **ends)
    if unit == "share":
        across["tickformat"] = ".1~%"
    frame = layout(xaxis=across, yaxis={"autorange": "reversed", "automargin": True})
    head = f"{axis}, points" if unit == "points" else axis
    if zero:
        frame["shapes"] = [vertical_line(0.0, dash="solid")]
    return Chart(
        title=title,
        figure={"data": [points, bounds] if bounded else [points], "layout": frame},
        head=("", (head, "num"), (note, "num"), *((("bound", "num"),) if bounded else ())),
        rows=tuple(
            (
                row.name,
                _figure(row.value, unit),
                _bounds(row, unit),
                *((_figure(row.bound, unit),) if bounded else ()),
            )
            for row in rows
        ),
        height=90 + 34 * max(len(rows), 2),
    )


def _scaled(row: Interval, factor: float) -> Interval:
    bound = None if row.bound is None else factor * row.bound
    return replace(row, value=factor * row.value, low=factor * row.low, high=factor * row.high, bound=bound)


def _figure(value: float | None, unit: str) -> str:
    return formatting.signed(value, 1) if unit == "points" else formatting.percent(value)


def _bounds(row: Interval, unit: str) -> str:
    if unit == "share":
        return formatting.percent_interval((row.low, row.high))
    return f"{formatting.signed(row.low, 1)} to {formatting.signed(row.high, 1)}"
