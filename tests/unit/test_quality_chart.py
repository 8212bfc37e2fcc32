"""The chart of quality says what its bounds claim."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from sentiment_lib.console.quality_chart import quality_chart
from sentiment_lib.storage.quality_day import QualityDay


def quality_day(number, basis, value=0.7):
    bounds = (None, None) if basis == "too_few" else (value - 0.05, value + 0.05)
    return QualityDay(
        day=date(2026, 3, 1) + timedelta(days=number),
        model_version=3,
        rows=2000,
        estimated=0.72,
        labelled=100,
        basis=basis,
        powered=value,
        powered_low=bounds[0],
        powered_high=bounds[1],
    )


@pytest.mark.parametrize(
    ("basis", "count", "claim"),
    [
        ("interval", 6, "95 % band over all days"),
        ("interval", 2, "95 % interval"),
        ("range", 6, "range"),
        ("too_few", 6, "too few labels"),
        (None, 6, "earlier method"),
    ],
)
def test_a_series_is_named_by_its_claim(basis, count, claim):
    chart = quality_chart([quality_day(number, basis) for number in range(count)], [])
    names = {row[1] for row in chart.rows}
    assert names == {"version 3, estimated (model-based range)", f"version 3, measured, {claim}"}
    bounds = {row[3] for row in chart.rows if "measured" in row[1]}
    assert (bounds == {"–"}) == (basis in ("too_few", None))
    assert "95" not in chart.title


def test_no_days_are_no_chart():
    assert quality_chart([], []) is None
