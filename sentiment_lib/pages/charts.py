"""Figures for Plotly as JSON, drawn in the browser by charts.js; each also has its figures as a table.

Colours are names of the stylesheet's variables, so that a chart follows light and dark.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from sentiment_lib.pages import formatting

SERIES = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)")
INK, MUTED, LINE, CLEAR = "var(--ink)", "var(--muted)", "var(--line)", "rgba(0,0,0,0)"
#: pixels of a line of a mark's words, and the share of the time axis that they need
LINE_HEIGHT, NEAR = 15, 0.2
#: a heading, and "num" where its column holds figures
Head = tuple[str, str] | str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Plotly figure and the same figures as a table."""

    title: str
    figure: dict[str, Any]
    head: tuple[Head, ...]
    rows: tuple[tuple[object, ...], ...]
    #: pixels
    height: int

    @property
    def json(self) -> Markup:
        """For a script element of type application/json: no text in it can end the element."""
        text = json.dumps(self.figure, default=_json, allow_nan=False)
        safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
        return Markup(safe)  # noqa: S704 - nothing is left in it that HTML would read


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One figure with the bounds of its interval; `bound` is what a rule asks of it."""

    name: str
    value: float
    low: float
    high: float
    bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """A figure at a time, with the bounds of its interval where it has one."""

    at: datetime
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened at a time, such as a deployment."""

    at: datetime
    words: str


def intervals(title: str, rows: Sequence[Interval], *, axis: str, zero: bool = True) -> Chart:
    """Each row a point with its interval, the first on top; a bound is a short red line. `zero` marks no difference."""
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
    layout = _layout(xaxis={"title": {"text": axis}}, yaxis={"autorange": "reversed", "automargin": True})
    if zero:
        layout["shapes"] = [_vertical(0.0, dash="solid")]
    return Chart(
        title=title,
        figure={"data": [points, bounds] if bounded else [points], "layout": layout},
        head=("", (axis, "num"), ("95 % interval", "num"), ("bound", "num")),
        rows=tuple(
            (
                row.name,
                formatting.figure(row.value),
                formatting.interval((row.low, row.high)),
                formatting.figure(row.bound),
            )
            for row in rows
        ),
        height=90 + 34 * max(len(rows), 2),
    )


def lines(
    title: str, series: dict[str, Sequence[Point]], *, axis: str, marks: Sequence[Mark] = (), share: bool = False
) -> Chart:
    """Figures over time, one line a series with its interval as a band; marks are vertical lines. `share`: 0 … 1."""
    data: list[dict[str, Any]] = []
    for place, (name, points) in enumerate(series.items()):
        colour = SERIES[place % len(SERIES)]
        times = [_time(point.at) for point in points]
        if points and all(point.low is not None and point.high is not None for point in points):
            band = {
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
            data.append(band)
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": times,
                "y": [point.value for point in points],
                "line": {"color": colour, "width": 2},
                "marker": {"size": 5},
            }
        )
    scale = {"tickformat": ".0%"} if share else {}
    layout = _layout(yaxis={"title": {"text": axis}, "automargin": True, **scale}, xaxis={"type": "date"})
    layout["showlegend"] = len(series) > 1
    layout["shapes"] = [_vertical(_time(mark.at)) for mark in marks]
    levels = _levels([point.at for points in series.values() for point in points], marks)
    top = max(levels, default=0)
    layout["annotations"] = [
        {
            "x": _time(m.at),
            "yshift": LINE_HEIGHT * level,
            "y": 1,
            "yref": "paper",
            "text": _plain(m.words),
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "bottom",
            "font": {"size": 11, "color": MUTED},
        }
        for m, level in zip(marks, levels, strict=True)
    ]
    layout["margin"]["t"] = 34 + LINE_HEIGHT * top if marks else 12
    if marks:  # above what the marks say
        layout["legend"]["y"] = 1.02 + (top + 1) * LINE_HEIGHT / 220
    show = formatting.percent if share else formatting.figure
    rows = [(p.at, name, show(p.value), _bounds(p)) for name, points in series.items() for p in points]
    rows += [(mark.at, mark.words, "", "") for mark in marks]
    return Chart(
        title=title,
        figure={"data": data, "layout": layout},
        head=("time", "", (axis, "num"), ("interval", "num")),
        rows=tuple((formatting.utc(row[0]), *row[1:]) for row in sorted(rows, key=lambda row: row[0])),
        height=300,
    )


def _levels(times: Sequence[datetime], marks: Sequence[Mark]) -> list[int]:
    """The line on which the words of each mark stand, so that they do not cover those of a mark close before it."""
    every = [*times, *(mark.at for mark in marks)]
    levels: list[int] = []
    for place, mark in enumerate(marks):
        near = NEAR * (max(every) - min(every))
        taken = {levels[other] for other in range(place) if abs(mark.at - marks[other].at) < near}
        levels.append(next(level for level in range(place + 1) if level not in taken))
    return levels


def bar_pairs(
    title: str,
    names: Sequence[str],
    first: tuple[str, Sequence[float]],
    second: tuple[str, Sequence[float]],
    *,
    share: bool = True,
) -> Chart:
    """Two bars for each name, such as reference and current window."""
    data = [
        {"type": "bar", "name": name, "x": list(names), "y": list(values), "marker": {"color": SERIES[place]}}
        for place, (name, values) in enumerate((first, second))
    ]
    layout = _layout(yaxis={"tickformat": ".0%"} if share else {}, xaxis={"automargin": True})
    layout.update(barmode="group", showlegend=True)
    show = formatting.percent if share else formatting.number
    return Chart(
        title=title,
        figure={"data": data, "layout": layout},
        head=("", (first[0], "num"), (second[0], "num")),
        rows=tuple((n, show(a), show(b)) for n, a, b in zip(names, first[1], second[1], strict=True)),
        height=300,
    )


Matrix = Sequence[Sequence[int]]


def confusion(title: str, labels: Sequence[str], first: tuple[str, Matrix], second: tuple[str, Matrix]) -> Chart:
    """Two confusion matrices side by side: rows are the true labels, columns the answers; shade is the row's share."""
    data, annotations = [], []
    for place, (name, matrix) in enumerate((first, second)):
        suffix = "" if place == 0 else "2"
        shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
        data.append(
            {
                "type": "heatmap",
                "x": list(labels),
                "y": list(labels),
                "z": shares,
                "zmin": 0,
                "zmax": 1,
                "text": [[f"{count:,}" for count in row] for row in matrix],
                "texttemplate": "%{text}<br>%{z:.0%}",
                "textfont": {"color": INK},
                "hovertemplate": "true %{y}, said %{x}: %{text}<extra></extra>",
                "colorscale": [[0, "var(--surface)"], [1, "var(--series-1) 55%"]],
                "showscale": False,
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
            }
        )
        annotations.append(
            {
                "x": 0.22 + 0.56 * place,
                "y": 1.02,
                "xref": "paper",
                "yref": "paper",
                "text": _plain(name),
                "showarrow": False,
                "yanchor": "bottom",
                "font": {"color": INK},
            }
        )
    down = {"autorange": "reversed", "automargin": True, "title": {"text": "true"}}
    layout = _layout(xaxis={"domain": [0, 0.44], "title": {"text": "answer"}}, yaxis=down)
    layout["xaxis2"] = {**layout["xaxis"], "domain": [0.56, 1]}
    layout["yaxis2"] = {**layout["yaxis"], "anchor": "x2", "title": {"text": ""}, "showticklabels": False}
    layout["annotations"] = annotations
    layout["margin"]["t"] = 34
    rows = [
        (name, truth, *(formatting.number(count) for count in counts))
        for name, matrix in (first, second)
        for truth, counts in zip(labels, matrix, strict=True)
    ]
    return Chart(
        title=title,
        figure={"data": data, "layout": layout},
        head=("version", "true", *((f"said {label}", "num") for label in labels)),
        rows=tuple(rows),
        height=320,
    )


def _layout(*, xaxis: dict[str, Any], yaxis: dict[str, Any]) -> dict[str, Any]:
    axis = {"gridcolor": LINE, "zerolinecolor": LINE, "linecolor": LINE, "fixedrange": True}
    return {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"color": INK, "size": 13},
        "margin": {"l": 56, "r": 16, "t": 12, "b": 44},
        "hovermode": "closest",
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {**axis, **xaxis},
        "yaxis": {**axis, **yaxis},
    }


def _vertical(x: object, dash: str = "dot") -> dict[str, Any]:
    line = {"color": MUTED, "width": 1, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _bounds(point: Point) -> str:
    return formatting.DASH if point.low is None or point.high is None else formatting.interval((point.low, point.high))


def _plain(words: str) -> str:
    """Plotly reads a few tags in its texts."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return _time(value)
    if hasattr(value, "item"):  # a NumPy number
        return value.item()
    raise TypeError(f"{type(value).__name__} is not for a figure")
