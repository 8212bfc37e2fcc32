"""Chart of macro-F1 by day: what is estimated without labels, and what labels measured, with what the bounds claim."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.lines import Event, Point, lines
from sentiment_lib.statistics.partial_pooling import pool_days
from sentiment_lib.statistics.sampled_quality import INTERVAL, RANGE, TOO_FEW
from sentiment_lib.storage.quality_day import QualityDay

#: Names of a series by what its bounds claim.
CLAIMS = {
    INTERVAL: "measured, 95 % interval",
    RANGE: "measured, range",
    TOO_FEW: "measured, too few labels",
    None: "measured, earlier method",
}
TITLE = "Macro-F1 by day"


def quality_chart(days: Sequence[QualityDay], events: Sequence[Event]) -> Chart | None:
    """The chart of these days; None without any.

    Days of one version whose bounds are intervals are partially pooled and share one simultaneous 95 % band.
    """
    if not days:
        return None
    series: dict[str, list[Point]] = {}
    for version in sorted({day.model_version for day in days}):
        own = [day for day in days if day.model_version == version]
        name = f"version {version}, estimated (model-based range)"
        series[name] = [
            Point(at=_start(day.day), value=day.estimated, low=day.estimated_low, high=day.estimated_high)
            for day in own
        ]
        for basis in CLAIMS:
            measured = [day for day in own if day.powered is not None and day.basis == basis]
            if not measured:
                continue
            band = _band(measured) if basis == INTERVAL else None
            claim = "measured, 95 % band over all days" if band else CLAIMS[basis]
            series[f"version {version}, {claim}"] = band or [_point(day) for day in measured]
    return lines(TITLE, series, axis="macro-F1", events=events, share=True)


def _point(day: QualityDay) -> Point:
    assert day.powered is not None
    claims = day.basis in (INTERVAL, RANGE)
    return Point(
        at=_start(day.day),
        value=day.powered,
        low=day.powered_low if claims else None,
        high=day.powered_high if claims else None,
    )


def _band(days: Sequence[QualityDay]) -> list[Point] | None:
    """Pooled days with their simultaneous band; None for too few days."""
    figures = np.array([[day.powered, day.powered_low, day.powered_high] for day in days], dtype=np.float64)
    pooled = pool_days(figures[:, 0], figures[:, 1], figures[:, 2])
    if pooled is None:
        return None
    return [
        Point(at=_start(day.day), value=float(value), low=float(low), high=float(high))
        for day, value, low, high in zip(days, pooled.values, pooled.band_low, pooled.band_high, strict=True)
    ]


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
