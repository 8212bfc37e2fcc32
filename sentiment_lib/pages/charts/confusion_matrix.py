"""Two confusion matrices side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import INK, Chart, annotation, layout

#: Counts: rows are the true labels, columns the predicted ones.
Matrix = Sequence[Sequence[int]]


def confusion_matrices(
    title: str, labels: Sequence[str], first: tuple[str, Matrix], second: tuple[str, Matrix]
) -> Chart:
    """Two named matrices over the same labels; the shade of a cell is its share of the row (the recall per label)."""
    frame = layout(
        xaxis={"domain": [0, 0.44], "title": {"text": "predicted"}},
        yaxis={"autorange": "reversed", "automargin": True, "title": {"text": "true"}},
    )
    frame["xaxis2"] = {**frame["xaxis"], "domain": [0.56, 1]}
    frame["yaxis2"] = {**frame["yaxis"], "anchor": "x2", "title": {"text": ""}, "showticklabels": False}
    frame["margin"]["t"] = 34
    frame["annotations"] = [
        annotation(name, x=0.22 + 0.56 * index, y=1.02, xref="paper", yref="paper", font={"color": INK})
        for index, (name, _) in enumerate((first, second))
    ]
    rows = [
        (name, true_label, *(formatting.number(count) for count in counts))
        for name, matrix in (first, second)
        for true_label, counts in zip(labels, matrix, strict=True)
    ]
    return Chart(
        title=title,
        figure={"data": [_heatmap(labels, first[1], ""), _heatmap(labels, second[1], "2")], "layout": frame},
        head=("version", "true", *((f"predicted {label}", "num") for label in labels)),
        rows=tuple(rows),
        height=320,
    )


def _heatmap(labels: Sequence[str], matrix: Matrix, axes: str) -> dict[str, Any]:
    """`axes`: suffix of the names of its axes, "" for the first pair."""
    return {
        "type": "heatmap",
        "x": list(labels),
        "y": list(labels),
        "z": [[count / max(sum(row), 1) for count in row] for row in matrix],
        "zmin": 0,
        "zmax": 1,
        "text": [[f"{count:,}" for count in row] for row in matrix],
        "texttemplate": "%{text}<br>%{z:.0%}",
        "textfont": {"color": INK},
        "hovertemplate": "true %{y}, predicted %{x}: %{text}<extra></extra>",
        "colorscale": [[0, "var(--surface)"], [1, "var(--series-1) 55%"]],
        "showscale": False,
        "xaxis": f"x{axes}",
        "yaxis": f"y{axes}",
    }
