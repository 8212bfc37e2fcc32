"""Periods on a time axis, one row for each thing that had them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import SERIES, TIME_AXIS, Chart, layout, timestamp


@dataclass(frozen=True, kw_only=True)
class Span:
    """A period of one row; `note` says how it began."""

    row: str
    start: datetime
    end: datetime
    note: str = ""


def spans(title: str, rows: Sequence[Span]) -> Chart:
    """Each period as a thick line from its start to its end; rows in the order of their first period."""
    names = list(dict.fromkeys(span.row for span in rows))
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": span.row,
            "x": [timestamp(span.start), timestamp(span.end)],
            "y": [span.row, span.row],
            "line": {"width": 12, "color": SERIES[names.index(span.row) % len(SERIES)]},
            "marker": {"size": 12, "symbol": "line-ns", "color": SERIES[names.index(span.row) % len(SERIES)]},
            "hovertemplate": "%{x}<extra>%{fullData.name}</extra>",
        }
        for span in rows
    ]
    frame = layout(
        xaxis=TIME_AXIS,
        yaxis={
            "automargin": True,
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names[::-1],
            "range": [-0.6, len(names) - 0.4],
        },
    )
    return Chart(
        title=title,
        figure={"data": data, "layout": frame},
        head=("", "from", "to", "how it began"),
        rows=tuple((span.row, formatting.utc(span.start), formatting.utc(span.end), span.note) for span in rows),
        height=70 + 38 * max(len(names), 2),
    )
