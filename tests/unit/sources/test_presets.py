"""Presets: each reads the real file that it is named after."""

from __future__ import annotations

from itertools import islice

import pytest

from sentiment_lib.sources.files import FileSource
from sentiment_lib.sources.presets import FIELDS, PRESETS, preset

LABELS = {"negative", "neutral", "positive"}


@pytest.mark.parametrize(
    ("name", "header", "line", "expected"),
    [
        (
            "airline",
            "tweet_id,airline_sentiment,airline_sentiment_confidence,airline,name,text,tweet_created",
            "570306133677760513,neutral,1.0,Virgin America,somebody,hello,2015-02-24 11:35:52 -0800",
            {"author": "somebody", "airline": "Virgin America", "label": "neutral", "confidence": "1.0"},
        ),
        (
            "semeval",
            "tweet_id,label,text,created_at_utc",
            "264183816548130816,positive,hello,2012-11-02T01:03:04+00:00",
            {"label": "positive", "author": None},
        ),
        (
            "sentiment140",
            "polarity,id,created_at_utc,query,user,text",
            "4,3,2009-05-11T03:17:40+00:00,none,somebody,hello",
            {"author": "somebody", "label": "positive", "tweet_id": "3"},
        ),
    ],
)
def test_each_preset_reads_its_columns_and_labels(tmp_path, name, header, line, expected):
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\n{line}\n")
    (row,) = FileSource(path, name).rows()
    assert row.text == "hello"
    assert {field: getattr(row, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("airline", "us_airline_tweets*"), ("semeval", "*semeval*"), ("sentiment140", "*sentiment140*")],
)
def test_each_preset_reads_the_real_file(shared_data, name, pattern):
    paths = sorted(path for path in shared_data.rglob(pattern) if ".csv" in path.name or ".parquet" in path.name)
    if not paths:
        pytest.skip(f"no file {pattern} in ../shared/data")
    for path in paths:
        rows = list(islice(FileSource(path, name).rows(), 300))
        assert rows, path.name
        assert {row.problem for row in rows} == {None}
        assert {row.label for row in rows if row.label} <= LABELS
        assert all(row.tweet_id and row.tweet_id.isdigit() and row.text and row.created_at for row in rows)


def test_every_preset_maps_known_fields_only():
    for known in PRESETS.values():
        assert set(known.columns) <= set(FIELDS)
        assert set(known.required) <= set(known.columns)
        assert set(known.labels.values()) <= LABELS


def test_single_columns_replace_those_of_the_preset_and_change_no_other():
    changed = preset("airline", {"text": "body"})
    assert changed.columns == {**PRESETS["airline"].columns, "text": "body"}
    assert PRESETS["airline"].columns["text"] == "text"
