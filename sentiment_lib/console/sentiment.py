"""What tweets say: the share of negative tweets by airline and over time, corrected by audit labels, and the volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
from sqlalchemy import Connection

from sentiment_lib.console.date_range import DateRange
from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.bars import bars
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.pages.charts.lines import Point, lines
from sentiment_lib.records import LABELS
from sentiment_lib.statistics import share_estimates
from sentiment_lib.statistics.share_estimates import MIN_LABELS, GroupCounts, Shares
from sentiment_lib.storage import daily_sentiment
from sentiment_lib.storage.daily_sentiment import NO_AIRLINE, SentimentDay

UNNAMED = "no airline named"


@dataclass(frozen=True, kw_only=True)
class AirlineShare:
    """Tweets of one airline and their share of negative ones; without bounds when uncorrected."""

    airline: str
    tweets: int
    share: float
    bounds: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Sentiment:
    """What the tweets of a range say, as one version predicts them."""

    version: int
    range: DateRange
    tweets: int
    labels: int
    share: float
    bounds: tuple[float, float] | None
    #: share of the range before, None without data
    before: float | None
    #: most negative first
    airlines: tuple[AirlineShare, ...]
    charts: tuple[Chart, ...]

    @property
    def corrected(self) -> bool:
        """Whether the shares are corrected for the version's errors."""
        return self.bounds is not None

    @property
    def method(self) -> str:
        """How the shares were estimated."""
        if self.corrected:
            return (
                f"Shares are {share_estimates.METHOD} estimates: version {self.version}'s predictions, corrected by "
                f"its errors on {self.labels:,} audit labels of this range, with 95 % intervals."
            )
        return (
            f"Uncorrected: shares are those that version {self.version} predicts. {self.labels} of its predictions in "
            f"this range have audit labels; a correction needs {MIN_LABELS}."
        )


def view(connection: Connection, version: int, shown: DateRange, airline: str | None = None) -> Sentiment | None:
    """The tweets of a range, of one airline if given; None without any."""
    rows = daily_sentiment.series(connection, version, shown.first, shown.last)
    if not any(row.tweets for row in rows if airline in (None, row.airline)):
        return None
    airlines = sorted({row.airline for row in rows})
    buckets = sorted({shown.bucket_of(row.day) for row in rows})
    counts = _counts(rows, airlines, buckets, shown)
    cells, by_airline, over_time, total = share_estimates.estimate_shares(counts)
    if airline is not None:
        index = airlines.index(airline)
        over_time, total = _row(cells, index), _row(by_airline, slice(index, index + 1))
        rows = [row for row in rows if row.airline == airline]
    table = _airlines(airlines, counts, by_airline)
    charts = [_share_chart(over_time, buckets, shown, airline)]
    if len(table) > 1 and airline is None:
        charts.append(_airline_chart(table))
    charts.append(_volume(rows, buckets, shown))
    return Sentiment(
        version=version,
        range=shown,
        tweets=sum(row.tweets for row in rows),
        labels=int(counts.labels.sum()),
        share=float(total.share[0]),
        bounds=_bounds(total, 0),
        before=_share_before(connection, version, shown.before, airline),
        airlines=tuple(table),
        charts=tuple(charts),
    )


def answer(found: Sentiment, airline: str | None = None) -> str:
    """The page in a sentence."""
    about = f" about {airline_name(airline)}" if airline is not None else ""
    period = f"from {formatting.day(found.range.first)} to {formatting.day(found.range.last)}"
    bounds = f" (95 % interval {formatting.percent_interval(found.bounds, 0)})" if found.bounds else ""
    text = f"{formatting.percent(found.share, 0)}{bounds} of {found.tweets:,} tweets{about} {period} are negative"
    if found.before is not None:
        points = 100 * (found.share - found.before)
        direction = (
            "as many as" if abs(points) < 0.5 else f"{abs(points):.0f} points {'more' if points > 0 else 'less'} than"
        )
        text += f", {direction} in the {found.range.days} days before"
    named = [row for row in found.airlines if row.airline != NO_AIRLINE]
    if airline is None and len(named) > 1:
        most, least = named[0], named[-1]
        text += (
            f". Most negative: {most.airline} ({formatting.percent(most.share, 0)}); "
            f"least: {least.airline} ({formatting.percent(least.share, 0)})"
        )
    return f"{text}."


def airline_name(airline: str) -> str:
    """As shown to people."""
    return airline or UNNAMED


def _counts(rows: Sequence[SentimentDay], airlines: list[str], buckets: list[date], shown: DateRange) -> GroupCounts:
    """Sums (airlines, buckets)."""
    names = ("tweets", "negative", "labels", "weights", "squared_weights", "errors", "squared_errors", "squared_copies")
    sums = np.zeros((len(names), len(airlines), len(buckets)))
    for row in rows:
        cell = airlines.index(row.airline), buckets.index(shown.bucket_of(row.day))
        sums[(slice(None), *cell)] += [getattr(row, name) for name in names]
    return GroupCounts(
        rows=sums[0],
        predicted=sums[1],
        labels=sums[2],
        weights=sums[3],
        squared_weights=sums[4],
        errors=sums[5],
        squared_errors=sums[6],
        squared_copies=sums[7],
    )


def _row(shares: Shares, index: int | slice) -> Shares:
    low, high = (None if bound is None else bound[index] for bound in (shares.low, shares.high))
    return Shares(share=shares.share[index], low=low, high=high)


def _bounds(shares: Shares, index: int) -> tuple[float, float] | None:
    if shares.low is None or shares.high is None:
        return None
    return float(shares.low[index]), float(shares.high[index])


def _airlines(airlines: list[str], counts: GroupCounts, shares: Shares) -> list[AirlineShare]:
    tweets = counts.rows.sum(axis=1)
    table = [
        AirlineShare(
            airline=airline,
            tweets=int(tweets[index]),
            share=float(shares.share[index]),
            bounds=_bounds(shares, index),
        )
        for index, airline in enumerate(airlines)
    ]
    return sorted(table, key=lambda row: -row.share)


def _share_before(connection: Connection, version: int, before: DateRange, airline: str | None) -> float | None:
    rows = daily_sentiment.series(connection, version, before.first, before.last)
    # half a range compares weekdays with weekends
    if len({row.day for row in rows}) < before.days:
        return None
    airlines = sorted({row.airline for row in rows})
    if airline is not None and airline not in airlines:
        return None
    days = sorted({before.bucket_of(row.day) for row in rows})
    _, by_airline, _, total = share_estimates.estimate_shares(_counts(rows, airlines, days, before))
    return float(total.share[0] if airline is None else by_airline.share[airlines.index(airline)])


def _share_chart(shares: Shares, buckets: list[date], shown: DateRange, airline: str | None) -> Chart:
    points = []
    for index, bucket in enumerate(buckets):
        if not np.isnan(shares.share[index]):
            low, high = _bounds(shares, index) or (None, None)
            points.append(Point(at=_midnight(bucket), value=float(shares.share[index]), low=low, high=high))
    title = f"Negative tweets by {shown.bucket}" + (f", {airline_name(airline)}" if airline is not None else "")
    interval = ", with 95 % intervals" if shares.low is not None else " (uncorrected)"
    return lines(title + interval, {"negative": points}, axis="share", share=True, legend=False)


def _airline_chart(table: list[AirlineShare]) -> Chart:
    rows = [
        Interval(
            name=f"{airline_name(row.airline)} ({row.tweets:,})",
            value=row.share,
            low=row.bounds[0] if row.bounds else row.share,
            high=row.bounds[1] if row.bounds else row.share,
        )
        for row in table
    ]
    corrected = any(row.bounds for row in table)
    title = "Negative tweets by airline" + (", with 95 % intervals" if corrected else " (uncorrected)")
    return intervals(title, rows, axis="share", zero=False, share=True)


def _volume(rows: Sequence[SentimentDay], buckets: list[date], shown: DateRange) -> Chart:
    series = {str(label): [0] * len(buckets) for label in LABELS}
    for row in rows:
        index = buckets.index(shown.bucket_of(row.day))
        for name, counts in series.items():
            counts[index] += getattr(row, name)
    times = [_midnight(bucket) for bucket in buckets]
    return bars(f"Tweets by {shown.bucket}, by predicted label", times, series, axis="tweets")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
