"""Rows that are checked together become what each becomes by itself."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from sentiment_lib.sources.base import Row, SourceIdentity
from sentiment_lib.steps.ingestion.batch_validation import validate_rows
from sentiment_lib.steps.ingestion.row_validation import RowValidator

NOW = datetime(2026, 6, 1, tzinfo=UTC)
USUAL = {
    "tweet_id": ["1", "17", "1990000000000000001"],
    "text": [
        "@united where is my bag",
        "el vuelo sale tarde http://x.y @bob",
        " thanks 😀 ",
        "call 555-867-5309, it's me",
    ],
    "author": ["ann", "@Bob", None, ""],
    "language": [None],
    "airline": [None],
    "created_at": ["2026-01-01T00:00:00Z", "2026-03-01T02:00:00+02:00"],
    "label": [None, "", "negative", " Positive "],
    "confidence": [None],
    "labelled_at": [None],
}
ODD = {
    "tweet_id": [None, "", "x", " 18 ", "0", "9" * 20, "١"],
    "text": [None, "", "  ", "a\x00b", "\ud800", "x" * 10_001, "a@b.c " * 1500],
    "author": ["x" * 81, "a\x00", "\ud800", "   "],
    "language": ["de", "x" * 90, " fr "],
    "airline": ["United", "\x00"],
    "created_at": [
        None,
        "",
        "yesterday",
        "2026-01-01",
        "2027-01-01T00:00:00Z",
        "1999-01-01T00:00:00Z",
        " 2026-01-01 00:00:00 +0000",
    ],
    "label": ["angry"],
    "confidence": ["0.5", "2", "much"],
    "labelled_at": ["2026-01-02T00:00:00Z", "never"],
}


def rows_with(draw, number, odd_share):
    rows = []
    for at in range(1, number + 1):
        values = {name: draw.choice(ODD[name] if draw.random() < odd_share else given) for name, given in USUAL.items()}
        rows.append(Row(at, f'"{at}"', "unreadable" if draw.random() < odd_share / 4 else None, **values))
    return rows


@pytest.mark.parametrize("odd_share", [0, 0.0005, 0.02, 0.3])
@pytest.mark.parametrize("number", [1, 15, 16, 400])
def test_rows_validated_together_become_what_each_becomes_alone(number, odd_share):
    draw = random.Random(f"{number}/{odd_share}")
    validator = RowValidator(SourceIdentity(name="some", digest="0"), b"key", NOW)
    for _ in range(20):
        rows = rows_with(draw, number, odd_share)
        alone = [(row, validator.validate(row)) for row in rows]
        found = validate_rows(validator, rows)
        assert found.received == number
        assert found.tweets == [one.tweet for _, one in alone if one.tweet is not None]
        assert found.labels == [one.label for _, one in alone if one.label is not None]
        assert found.bad == [(row.number, one.reason, row.raw) for row, one in alone if one.reason is not None]
