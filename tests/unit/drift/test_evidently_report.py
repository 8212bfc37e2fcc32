"""Contract with this version of Evidently: a small offline page, figures for each signal, answers of its tests."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pandas as pd

from sentiment_lib.drift.evidently_report import write_html, write_quality
from sentiment_lib.drift.signals import compute_signals


def test_a_report_is_one_offline_page_with_a_figure_for_each_signal_and_no_texts(tmp_path):
    left = compute_signals(pd.DataFrame({"text": [f"secret flight {number}" for number in range(300)]}))
    right = compute_signals(pd.DataFrame({"text": [f"secret flight {number} late!" for number in range(300)]}))
    figures = write_html(left, right, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert {"length", "exclamations"} <= figures.keys()
    # p-values below a thousand rows: the marks moved, the hashtags did not
    assert figures["exclamations"] < 0.05 < figures["hashtags"]
    assert "secret" not in page
    assert "<script src=" not in page
    assert len(page) < 6_000_000
    assert json.loads((tmp_path / "report.json").read_text())["metrics"]
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.json"}


class Tags(HTMLParser):
    """Scripts of a page, and the tags that hold a handler or begin an attack."""

    def __init__(self):
        super().__init__()
        self.scripts, self.suspect = 0, []

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        if any(name.startswith("on") for name, _ in attributes) or "evil" in str(attributes):
            self.suspect.append((tag, attributes))


ATTACKS = (
    "<script>evil()</script>",
    "</script><script>evil()</script>",
    "<img src=x onerror=evil()>",
    "'\"><svg onload=evil()>",
    "<a href='javascript:evil()'>late</a>",
    "<!--<script>evil()",
)


def tags(path):
    parser = Tags()
    parser.feed(path.read_text())
    return parser


def test_markup_in_free_text_is_inert_in_the_page(tmp_path):
    fields = ("airline", "language", "predicted_label")

    def frame(values):
        rows = [values[number % len(values)] for number in range(300)]
        return compute_signals(pd.DataFrame({"text": rows} | dict.fromkeys(fields, rows)))

    write_html(frame(("Delta", "United")), frame(("Delta",)), tmp_path / "plain.html")
    signals = frame(ATTACKS)
    assert set(fields) <= set(signals)
    write_html(signals, frame((*ATTACKS, "Delta")), tmp_path / "attacked.html")
    plain, attacked = tags(tmp_path / "plain.html"), tags(tmp_path / "attacked.html")
    assert attacked.suspect == plain.suspect == []
    assert attacked.scripts == plain.scripts
    page = (tmp_path / "attacked.html").read_text()
    assert "&lt;img src=x onerror=evil()&gt;" in page
    assert not any(attack in page for attack in ATTACKS)


def test_the_data_quality_tests_find_a_repeated_row(tmp_path):
    frame = pd.DataFrame({"tweet_id": [1, 2, 2], "text": ["one", "two", "two"]})
    answers = write_quality(frame, tmp_path / "quality.html")
    assert [name for name, passed in answers.items() if not passed] == ["Duplicated row count in dataset: Equal 0.000"]
