"""What strangers write is shown safely, and charts are figures that Plotly takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import jinja2
import pytest

from sentiment_lib.errors import NotFound
from sentiment_lib.pages import formatting
from sentiment_lib.pages.assets import Assets
from sentiment_lib.pages.charts.confusion_matrix import confusion_matrices
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.pages.charts.lines import LINE_HEIGHT, Event, Point, lines
from sentiment_lib.pages.markdown import html
from sentiment_lib.pages.safe_text import visible
from sentiment_lib.pages.templates import environment

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
POINTS = [Point(at=NOW + timedelta(days=day), value=0.7, low=0.6, high=0.8) for day in range(3)]
MATRIX = ((5, 1, 0), (1, 4, 1), (0, 0, 3))
NAMES = ("negative", "neutral", "positive")
CHARTS = [
    intervals("i", [Interval(name="<b>", value=0.1, low=0, high=0.2, bound=0.05)], axis="gain"),
    lines("l", {"a": POINTS, "b": []}, axis="q", events=[Event(at=NOW, text="</script>")], share=True),
    confusion_matrices("c", NAMES, ("1", MATRIX), ("2", MATRIX)),
]


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\x07", "\u200b", "\ufeff", "\U000e0041", "\ud800"])
def test_what_cannot_be_seen_is_named(letter):
    shown = visible(f"a{letter}b")
    assert letter not in shown
    assert f"U+{ord(letter):04X}" in shown


def test_words_of_other_scripts_emoji_and_markup_stay_readable():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert visible(f"مرحبا {family} café") == f"مرحبا {family} café"
    assert visible("<b>&") == "&lt;b&gt;&amp;"
    assert len(visible("z" + "\u0301" * 500)) < 10, "a tower of marks is cut"


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


def test_a_name_that_a_template_does_not_know_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ mistyped }}").render()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (45, "45 s ago"), (200, "3 min ago"), (-7300, "in 2 h"), (90 * 86400, "3 months ago")],
)
def test_times_are_told_by_distance_with_the_full_time_beside(seconds, words):
    shown = formatting.ago(NOW - timedelta(seconds=seconds), NOW)
    assert f">{words}<" in shown
    assert "UTC" in shown


def test_words_of_marks_close_together_stand_on_lines_of_their_own():
    events = [Event(at=NOW + timedelta(minutes=minute), text=str(minute)) for minute in (0, 9, 3000)]
    drawn = lines("l", {"a": POINTS}, axis="q", events=events).figure["layout"]["annotations"]
    assert [one["yshift"] for one in drawn] == [0, LINE_HEIGHT, 0]
    assert lines("l", {}, axis="q", events=events[:1]).figure["layout"]["annotations"][0]["yshift"] == 0


def test_markdown_is_drawn_below_the_pages_heading_and_brings_no_markup_of_its_own():
    table = "| a | b |\n|---|---:|\n| <b>x</b> | \u202e1 |"
    shown = html(f"# fam_ily\n\n{table}\n\n[go](//elsewhere) ![p](//x/y.png) `<i>`")
    assert "<h2>fam_ily</h2>" in shown
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td>" in shown
    assert shown.count("<table>") == shown.count("</table></div>") == 1
    assert "\u202e" not in shown
    assert "<a" not in shown
    assert "<img" not in shown
    assert "<code>&lt;i&gt;</code>" in shown


def test_figures_of_all_sizes_in_one_column():
    sizes = (0.26234, -0.018, 0.0, 12.0, 15.44, 4000.0, 12345.6, None)
    assert [formatting.quantity(one) for one in sizes] == [
        "0.262",
        "-0.018",
        "0",
        "12",
        "15.4",
        "4,000",
        "12,345.6",
        "–",
    ]


def test_a_small_p_value_is_not_nought():
    assert [formatting.p_value(one) for one in (0.0, 0.0004, 0.0136, None)] == ["< 0.001", "< 0.001", "0.014", "–"]


def test_figures_are_written_as_people_read_them():
    assert formatting.number(1234567) == "1,234,567"
    assert formatting.percent(0.7123) == "71.2 %"
    assert formatting.signed(-0.01) == "−0.010"
    assert formatting.interval((-0.1, 0.2), 1) == "−0.1 to 0.2"
    assert formatting.decimal(None) == "–"


def test_an_asset_changes_its_address_with_its_content(tmp_path):
    (tmp_path / "own.css").write_text("a")
    first = Assets(tmp_path).versioned("own.css")
    (tmp_path / "own.css").write_text("b")
    assert Assets(tmp_path).versioned("own.css") != first
    with pytest.raises(NotFound):
        Assets(tmp_path).content("../templates/base.html")
