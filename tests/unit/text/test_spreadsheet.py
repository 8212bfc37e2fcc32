"""Cells for a spreadsheet."""

from __future__ import annotations

from datetime import UTC, datetime

from sentiment_lib.text.spreadsheet import guard


def test_formulas_and_long_numbers_get_an_apostrophe_and_times_are_iso():
    values = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "late", -0.5, 10**15, 10**15 - 1, True)
    assert [guard(value) for value in values] == [
        "'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "late", -0.5, "'1000000000000000", 10**15 - 1, True,
    ]  # fmt: skip
    assert guard(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02T03:04:00+00:00"
