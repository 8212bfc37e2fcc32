"""Shares by value in two windows, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import MUTED, SERIES, Chart, layout


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A value with its share in the first and in the second window."""

    value: str
    first: float
    second: float


def paired_bars(title: str, pairs: Sequence[Pair], *, names: tuple[str, str], axis: str, across: bool = False) -> Chart:
    """A pair of bars per value, upright; `across` lays them down, for values that are long words.

    names: of the two windows; axis: what the values are.
    """
    ordered = list(pairs)[::-1] if across else list(pairs)
    data = [
        {
            "type": "bar",
            "name": name,
            "orientation": "h" if across else "v",
            ("y" if across else "x"): [pair.value for pair in ordered],
            ("x" if across else "y"): [getattr(pair, side) for pair in ordered],
            "marker": {"color": colour},
        }
        for name, side, colour in zip(names, ("first", "second"), (MUTED, SERIES[1]), strict=True)
    ]
    values = {"type": "category", "automargin": True, "title": {"text": axis}}
    shares = {"tickformat": ".1~%", "automargin": True, "title": {"text": "share of tweets"}}
    frame = layout(xaxis=shares if across else values, yaxis=values if across else shares)
    frame.update(barmode="group", bargap=0.25, showlegend=True)
    frame["margin"]["t"] = 34  # the legend is above the plot
    frame["legend"]["traceorder"] = "reversed" if across else "normal"
    return Chart(
        title=title,
        figure={"data": data[::-1] if across else data, "layout": frame},
        head=(axis, *((name, "num") for name in names)),
        rows=tuple((pair.value, formatting.percent(pair.first), formatting.percent(pair.second)) for pair in pairs),
        height=120 + 34 * len(ordered) if across else 280,
    )
