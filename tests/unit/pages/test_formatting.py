"""Numbers, intervals and times are written as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.pages import formatting

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (45, "45 s ago"), (200, "3 min ago"), (-7300, "in 2 h"), (90 * 86400, "3 months ago")],
)
def test_times_are_told_by_distance_with_the_full_time_beside(seconds, words):
    shown = formatting.ago(NOW - timedelta(seconds=seconds), NOW)
    assert f">{words}<" in shown
    assert "UTC" in shown


def test_values_of_all_sizes_in_one_column():
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


def test_a_small_p_value_is_not_zero():
    assert [formatting.p_value(one) for one in (0.0, 0.0004, 0.0136, None)] == ["< 0.001", "< 0.001", "0.014", "–"]


def test_numbers_are_written_as_people_read_them():
    assert formatting.number(1234567) == "1,234,567"
    assert formatting.percent(0.7123) == "71.2 %"
    assert formatting.signed(-0.01) == "−0.010"
    assert formatting.interval((-0.1, 0.2), 1) == "−0.1 to 0.2"
    assert formatting.decimal(None) == "–"
