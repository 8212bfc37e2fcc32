"""A confusion matrix; two stand side by side where the page is wide enough."""

from __future__ import annotations

from collections.abc import Sequence

from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.figure import INK, Chart, layout

#: Counts: rows are the true labels, columns the predicted ones.
Matrix = Sequence[Sequence[int]]


def confusion_matrix(title: str, labels: Sequence[str], matrix: Matrix) -> Chart:
    """Counts by true and predicted label; the shade of a cell is its share of the row (the recall per label)."""
    frame = layout(
        xaxis={"title": {"text": "predicted", "standoff": 8}, "tickangle": 0, "showgrid": False},
        yaxis={"autorange": "reversed", "automargin": True, "showgrid": False, "title": {"text": "true"}},
    )
    heatmap = {
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
    }
    return Chart(
        title=title,
        figure={"data": [heatmap], "layout": frame},
        head=("true", *((f"predicted {label}", "num") for label in labels)),
        rows=tuple(
            (true_label, *(formatting.number(count) for count in counts))
            for true_label, counts in zip(labels, matrix, strict=True)
        ),
        height=290,
    )
