"""Metrics over time: one line per series, with its interval as a band and events as vertical lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import (
    MUTED,
    SERIES,
    TIME_AXIS,
    Chart,
    annotation,
    fitted_range,
    horizontal_line,
    layout,
    timestamp,
    vertical_line,
)

#: Pixels of a line of text above the plot.
LINE_HEIGHT = 15
#: Events closer than this share of the time axis have their texts on different lines.
NEAR = 0.2


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value at a time, with the bounds of its interval where it has one."""

    at: datetime
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at a time, such as a deployment."""

    at: datetime
    text: str


def lines(
    title: str,
    series: Mapping[str, Sequence[Point]],
    *,
    axis: str,
    events: Sequence[Event] = (),
    share: bool = False,
    legend: bool = True,
    level: float | None = None,
) -> Chart:
    """Values over time, one line per series. `share`: values lie between 0 and 1 and are shown as percent.

    level: a limit, drawn as a dashed line; the axis then begins at 0.
    """
    data: list[dict[str, Any]] = []
    for index, (name, points) in enumerate(series.items()):
        colour = SERIES[index % len(SERIES)]
        bounded = [point for point in points if point.low is not None and point.high is not None]
        if bounded:
            data.append(_band(bounded, colour))
        data.append(_line(name, points, colour))
    times = [point.at for points in series.values() for point in points]
    show = formatting.percent if share else formatting.decimal
    rows = [(p.at, name, show(p.value), _bounds(p, share=share)) for name, points in series.items() for p in points]
    frame = _frame(axis, times, events, share=share, legend=legend and bool(series))
    if share:
        drawn = [value for points in series.values() for p in points for value in (p.value, p.low, p.high)]
        frame["yaxis"]["range"] = fitted_range(drawn, least=0.1, lowest=0.0, highest=1.0)
    if level is not None:
        frame["shapes"].append(horizontal_line(level))
        frame["yaxis"]["rangemode"] = "tozero"
    rows += [(event.at, event.text, "", "") for event in events]
    return Chart(
        title=title,
        figure={"data": data, "layout": frame},
        head=("time", "", (axis, "num"), ("interval", "num")),
        rows=tuple((formatting.utc(row[0]), *row[1:]) for row in sorted(rows, key=lambda row: row[0])),
        height=300,
    )


def _band(points: Sequence[Point], colour: str) -> dict[str, Any]:
    times = [timestamp(point.at) for point in points]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*times, *reversed(times)],
        "y": [*(point.high for point in points), *(point.low for point in reversed(points))],
        "fill": "toself",
        "fillcolor": f"{colour} 18%",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _line(name: str, points: Sequence[Point], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [timestamp(point.at) for point in points],
        "y": [point.value for point in points],
        "line": {"color": colour, "width": 2},
        "marker": {"size": 5},
    }


def _frame(
    axis: str, times: Sequence[datetime], events: Sequence[Event], *, share: bool, legend: bool
) -> dict[str, Any]:
    """The layout, with a line and a text for each event."""
    scale = {"tickformat": ".1~%"} if share else {}
    frame = layout(
        yaxis={"title": {"text": axis}, "automargin": True, **scale},
        xaxis=TIME_AXIS,
    )
    frame["showlegend"] = legend
    frame["shapes"] = [vertical_line(timestamp(event.at)) for event in events]
    levels = _levels(times, events)
    frame["annotations"] = [
        annotation(
            event.text,
            x=timestamp(event.at),
            yshift=LINE_HEIGHT * level,
            y=1,
            yref="paper",
            xanchor="left",
            font={"size": 11, "color": MUTED},
        )
        for event, level in zip(events, levels, strict=True)
    ]
    top = max(levels, default=0)
    frame["margin"]["t"] = 34 + LINE_HEIGHT * top if events else 12
    if events:  # the legend goes above their texts
        frame["legend"]["y"] = 1.02 + (top + 1) * LINE_HEIGHT / 220
    return frame


def _levels(times: Sequence[datetime], events: Sequence[Event]) -> list[int]:
    """The line on which each event's text stands, so that it does not cover that of an event shortly before it."""
    every = [*times, *(event.at for event in events)]
    levels: list[int] = []
    for index, event in enumerate(events):
        near = NEAR * (max(every) - min(every))
        occupied = {levels[other] for other in range(index) if abs(event.at - events[other].at) < near}
        levels.append(next(level for level in range(index + 1) if level not in occupied))
    return levels


def _bounds(point: Point, *, share: bool) -> str:
    if point.low is None or point.high is None:
        return formatting.DASH
    return (formatting.percent_interval if share else formatting.interval)((point.low, point.high))
