"""Counts over time, stacked by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import SERIES, TIME_AXIS, Chart, layout, timestamp

#: Colour of a series with the name of a class.
CLASS_COLOURS = {name: f"var(--{name})" for name in ("negative", "neutral", "positive")}


def bars(
    title: str, times: Sequence[datetime], series: Mapping[str, Sequence[int]], *, axis: str, height: int = 220
) -> Chart:
    """Stacked bars at `times`, one part per series; each series has a count for each time."""
    data = [
        {
            "type": "bar",
            "name": name,
            "x": [timestamp(time) for time in times],
            "y": list(counts),
            "marker": {"color": CLASS_COLOURS.get(name, SERIES[index % len(SERIES)])},
        }
        for index, (name, counts) in enumerate(series.items())
    ]
    frame = layout(xaxis=TIME_AXIS, yaxis={"title": {"text": axis}, "automargin": True})
    frame.update(barmode="stack", bargap=0.15, showlegend=len(series) > 1)
    return Chart(
        title=title,
        figure={"data": data, "layout": frame},
        head=("time", *((name, "num") for name in series)),
        rows=tuple(
            (formatting.utc(time), *(formatting.number(counts[index]) for counts in series.values()))
            for index, time in enumerate(times)
        ),
        height=height,
    )
