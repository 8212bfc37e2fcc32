"""A chart is a figure that Plotly takes, and a table."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.pages.charts.confusion_matrix import confusion_matrix
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.pages.charts.lines import LINE_HEIGHT, Event, Point, lines
from sentiment_lib.pages.charts.paired_bars import Pair, paired_bars
from sentiment_lib.pages.charts.points import NamedPoint, points
from sentiment_lib.pages.charts.spans import Span, spans
from sentiment_lib.pages.templates import environment

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
POINTS = [Point(at=NOW + timedelta(days=day), value=0.7, low=0.6, high=0.8) for day in range(3)]
MATRIX = ((5, 1, 0), (1, 4, 1), (0, 0, 3))
NAMES = ("negative", "neutral", "positive")
CHARTS = [
    intervals("i", [Interval(name="<b>", value=0.1, low=0, high=0.2, bound=0.05)], axis="gain", unit="points"),
    lines("l", {"a": POINTS, "b": []}, axis="q", events=[Event(at=NOW, text="</script>")], share=True),
    confusion_matrix("c", NAMES, MATRIX),
    points("p", [NamedPoint(name="<b>", x=3.0, y=0.8, low=0.7, high=0.9, marked=True)], x_axis="ms", y_axis="F1"),
    paired_bars("b", [Pair(value="<b>", first=0.2, second=0.3)], names=("then", "now"), axis="word", across=True),
    spans("s", [Span(row="version 1", start=NOW, end=NOW + timedelta(days=1), note="promoted")]),
]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_a_chart_is_a_plotly_figure_and_a_table(chart):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    written = str(chart.json)
    assert "<" not in written, "nothing in it can end its script element"
    for strength in (" 18%", " 55%"):
        written = written.replace(strength, "")
    graph_objects.Figure(json.loads(written))
    assert chart.rows
    assert {len(row) for row in chart.rows} == {len(chart.head)}


def test_charts_are_drawn_into_a_page_without_inline_scripts():
    page = environment().from_string('{% import "macros.html" as ui %}{{ ui.chart(chart) }}')
    shown = page.render(chart=CHARTS[0])
    assert shown.count("<script") == shown.count('<script type="application/json"') == 1
    assert "&lt;b&gt;" in shown


def test_texts_of_events_close_together_stand_on_lines_of_their_own():
    events = [Event(at=NOW + timedelta(minutes=minute), text=str(minute)) for minute in (0, 9, 3000)]
    drawn = lines("l", {"a": POINTS}, axis="q", events=events).figure["layout"]["annotations"]
    assert [one["yshift"] for one in drawn] == [0, LINE_HEIGHT, 0]
    assert lines("l", {}, axis="q", events=events[:1]).figure["layout"]["annotations"][0]["yshift"] == 0


@pytest.mark.parametrize(
    ("chart", "axis", "ends"),
    [
        (intervals("i", [Interval(name="a", value=0, low=0, high=0)], axis="gain", unit="points"), "xaxis", [-1, 1]),
        (intervals("i", [Interval(name="a", value=0.01, low=-0.02, high=0.04)], axis="gain", unit="points"), "xaxis",
         [-2.36, 4.36]),
        (lines("l", {"a": [Point(at=NOW, value=0.96)]}, axis="q", share=True), "yaxis", [0.9, 1.0]),
        (lines("l", {"a": POINTS}, axis="q", share=True), "yaxis", [0.588, 0.812]),
        (points("p", [NamedPoint(name="a", x=3.0, y=0.01)], x_axis="ms", y_axis="F1"), "yaxis", [0.0, 0.05]),
    ],
)  # fmt: skip
def test_an_axis_is_as_long_as_its_values_need(chart, axis, ends):
    assert chart.figure["layout"][axis]["range"] == pytest.approx(ends)
