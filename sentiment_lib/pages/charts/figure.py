"""The result of every kind of chart: a Plotly figure as JSON, drawn by charts.js, and the same values as a table.

Colours are names of the stylesheet's variables, so that a chart follows light and dark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

SERIES = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)")
INK, MUTED, LINE, CLEAR = "var(--ink)", "var(--muted)", "var(--line)", "rgba(0,0,0,0)"
#: An axis of dates whose labels stay level and apart on a phone.
TIME_AXIS = {"type": "date", "nticks": 5, "tickangle": 0}
#: A heading of the table; with "num" where its column holds numbers.
Head = tuple[str, str] | str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Plotly figure and the same values as a table."""

    title: str
    figure: dict[str, Any]
    head: tuple[Head, ...]
    rows: tuple[tuple[object, ...], ...]
    #: pixels
    height: int

    @property
    def json(self) -> Markup:
        """The figure for a script element of type application/json; raises TypeError for a value JSON does not know."""
        text = json.dumps(self.figure, default=_json_default, allow_nan=False)
        # no text in it can end the element
        safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
        return Markup(safe)  # noqa: S704 - nothing is left in it that HTML would read


def layout(*, xaxis: dict[str, Any], yaxis: dict[str, Any]) -> dict[str, Any]:
    """A Plotly layout in the page's colours, with these settings of its axes."""
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


def fitted_range(
    values: Iterable[float | None], *, least: float, lowest: float | None = None, highest: float | None = None
) -> list[float] | None:
    """Ends of an axis that holds these values with a margin, at least `least` long; None without values.

    Plotly draws a single value in the middle of an axis of length 2: a share would lie between −100 and 100 %.
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    margin = max(0.06 * (high - low), (least - (high - low)) / 2)
    low, high = low - margin, high + margin
    if lowest is not None and low < lowest:
        low, high = lowest, max(high, lowest + least)
    if highest is not None and high > highest:
        low, high = min(low, highest - least), highest
    return [low, high]


def vertical_line(x: object, dash: str = "dot") -> dict[str, Any]:
    """A shape from the bottom to the top of the plot at `x`."""
    line = {"color": MUTED, "width": 1, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def horizontal_line(y: float, dash: str = "dash") -> dict[str, Any]:
    """A shape from the left to the right of the plot at `y`."""
    line = {"color": MUTED, "width": 1, "dash": dash}
    return {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": y, "y1": y, "line": line}


def annotation(text: str, **position: Any) -> dict[str, Any]:
    """A text without an arrow. Plotly interprets a few HTML tags, so they are escaped."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped, "showarrow": False, "yanchor": "bottom", **position}


def timestamp(moment: datetime) -> str:
    """UTC in the form that Plotly's date axes take."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _json_default(value: object) -> object:
    if isinstance(value, datetime):
        return timestamp(value)
    if hasattr(value, "item"):  # a NumPy number
        return value.item()
    raise TypeError(f"a chart cannot hold a {type(value).__name__}")
