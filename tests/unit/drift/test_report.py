"""Contract with this version of Evidently: a small offline page, figures for each signal, answers of its tests."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from sentiment_lib.drift import data_quality
from sentiment_lib.drift.evidently_report import write_html, write_quality
from sentiment_lib.drift.signals import signals


def test_a_report_is_one_offline_page_with_a_figure_for_each_signal_and_no_texts(tmp_path):
    left = signals(pd.DataFrame({"text": [f"secret flight {number}" for number in range(300)]}))
    right = signals(pd.DataFrame({"text": [f"secret flight {number} late!" for number in range(300)]}))
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


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, set()),
        ({"text": ["", "b"]}, {"share without text"}),
        ({"created_at": ["2030-01-01T00:00Z", "2026-01-01T00:00Z"]}, {"share from the future"}),
        ({"tweet_id": [1, 1]}, {"share that repeats an id"}),
    ],
)
def test_plain_checks_name_what_is_wrong(change, failed):
    frame = pd.DataFrame({"tweet_id": [1, 2], "text": ["a", "b"], "created_at": ["2026-01-01T00:00Z"] * 2} | change)
    found = data_quality.checks(frame, now=pd.Timestamp("2026-06-01", tz="UTC"))
    assert {one.name for one in found if not one.passed} == failed


def test_a_missing_column_is_told_before_anything_else():
    (only,) = data_quality.checks(pd.DataFrame({"text": ["a"]}), now=pd.Timestamp("2026-06-01", tz="UTC"))
    assert (only.name, only.figure, only.passed) == ("missing columns", 2, False)
