"""Contract with this version of Evidently: a small offline page, figures for each signal, answers of its tests."""

from __future__ import annotations

import json

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


def test_the_data_quality_tests_find_a_repeated_row(tmp_path):
    frame = pd.DataFrame({"tweet_id": [1, 2, 2], "text": ["one", "two", "two"]})
    answers = write_quality(frame, tmp_path / "quality.html")
    assert [name for name, passed in answers.items() if not passed] == ["Duplicated row count in dataset: Equal 0.000"]
