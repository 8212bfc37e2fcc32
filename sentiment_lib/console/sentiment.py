"""What tweets say: the share of negative tweets by airline and over time, as labels allow, and the volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
from sqlalchemy import Connection

from sentiment_lib.console import estimated_shares
from sentiment_lib.console.date_range import DateRange
from sentiment_lib.console.estimated_shares import Basis, EstimatedShares
from sentiment_lib.pages import formatting
from sentiment_lib.pages.charts.bars import bars
from sentiment_lib.pages.charts.figure import Chart
from sentiment_lib.pages.charts.intervals import Interval, intervals
from sentiment_lib.pages.charts.lines import Point, lines
from sentiment_lib.records import LABELS
from sentiment_lib.statistics import share_estimates
from sentiment_lib.statistics.labelled_shares import Disagreement
from sentiment_lib.statistics.share_estimates import MIN_LABELS, Shares
from sentiment_lib.storage import daily_sentiment
from sentiment_lib.storage.daily_sentiment import NO_AIRLINE, SentimentDay

UNNAMED = "no airline named"
#: What the title of a chart says of its shares.
SUFFIXES = {
    Basis.LABELS: ", as labelled",
    Basis.AUDIT: ", with 95 % intervals",
    Basis.PREDICTIONS: " (predicted, uncorrected)",
}


@dataclass(frozen=True, kw_only=True)
class AirlineShare:
    """Tweets of one airline and their share of negative ones; without bounds when only predicted."""

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
    basis: Basis
    #: audit labels of the version's predictions
    audit_labels: int
    #: tweets with a label of any source
    labelled: int
    disagreement: Disagreement | None
    share: float
    bounds: tuple[float, float] | None
    #: share of the range before, None without data or on another basis
    before: float | None
    #: most negative first
    airlines: tuple[AirlineShare, ...]
    charts: tuple[Chart, ...]

    @property
    def contradicted(self) -> bool:
        """Whether the shares are only predicted, and labels of the same tweets say otherwise."""
        return self.basis is Basis.PREDICTIONS and self.disagreement is not None and self.disagreement.differs

    @property
    def method(self) -> str:
        """How the shares were estimated."""
        if self.basis is Basis.LABELS:
            rest = self.tweets - self.labelled
            return f"As labelled: {self.labelled:,} of these tweets have labels. " + (
                f"The bounds hold whatever the other {rest:,} are." if rest > 0 else "Nothing is estimated."
            )
        if self.basis is Basis.AUDIT:
            return (
                f"Shares are {share_estimates.METHOD} estimates: version {self.version}'s predictions, corrected by "
                f"its errors on {self.audit_labels:,} audit labels of this range, with 95 % intervals."
            )
        text = (
            f"Uncorrected: shares are those that version {self.version} predicts. {self.audit_labels} of its "
            f"predictions in this range have audit labels; a correction needs {MIN_LABELS}."
        )
        if self.disagreement is not None and not self.disagreement.differs:
            text += f" Labels of {self.disagreement.rows:,} of these tweets agree with what it predicts for them."
        return text

    @property
    def contradiction(self) -> str:
        """What labels say against the predicted shares, for `contradicted` ones."""
        assert self.disagreement is not None
        labelled, predicted = self.disagreement.labelled, self.disagreement.predicted
        return (
            f"{self.disagreement.rows:,} of these tweets have labels, by which {formatting.percent(labelled)} of "
            f"them are negative; version {self.version} predicts {formatting.percent(predicted)} of the same "
            f"tweets. Its shares below are not corrected: that needs {MIN_LABELS} audit labels of a random sample, "
            f"and there are {self.audit_labels}."
        )


def view(connection: Connection, version: int, shown: DateRange, airline: str | None = None) -> Sentiment | None:
    """The tweets of a range, of one airline if given; None without any."""
    rows = daily_sentiment.series(connection, version, shown.first, shown.last)
    if not any(row.tweets for row in rows if airline in (None, row.airline)):
        return None
    airlines = sorted({row.airline for row in rows})
    buckets = sorted({shown.bucket_of(row.day) for row in rows})
    shares = estimated_shares.estimate(rows, airlines, buckets, shown, airline)
    over_time, total = shares.over_time, shares.total
    if airline is not None:
        index = airlines.index(airline)
        over_time, total = _row(shares.cells, index), _row(shares.by_airline, slice(index, index + 1))
        rows = [row for row in rows if row.airline == airline]
    table = _airlines(airlines, shares)
    charts = [_share_chart(over_time, buckets, shown, airline, shares.basis)]
    if len(table) > 1 and airline is None:
        charts.append(_airline_chart(table, shares.basis))
    charts.append(_volume(rows, buckets, shown))
    return Sentiment(
        version=version,
        range=shown,
        tweets=sum(row.tweets for row in rows),
        basis=shares.basis,
        audit_labels=shares.audit_labels,
        labelled=shares.labelled,
        disagreement=shares.disagreement,
        share=float(total.share[0]),
        bounds=_bounds(total, 0),
        before=_share_before(connection, version, shown.before, airline, shares.basis),
        airlines=tuple(table),
        charts=tuple(charts),
    )


def answer(found: Sentiment, airline: str | None = None) -> str:
    """The page in a sentence."""
    about = f" about {airline_name(airline)}" if airline is not None else ""
    period = f"from {formatting.day(found.range.first)} to {formatting.day(found.range.last)}"
    text = f"{formatting.percent(found.share)}{_in_bounds(found)} of {found.tweets:,} tweets{about} {period}"
    if found.basis is Basis.PREDICTIONS:
        text = f"Version {found.version} predicts that {text} are negative"
    else:
        text += " are negative"
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
            f". Most negative: {most.airline} ({formatting.percent(most.share)}); "
            f"least: {least.airline} ({formatting.percent(least.share)})"
        )
    return f"{text}."


def _in_bounds(found: Sentiment) -> str:
    if found.bounds is None or round(100 * found.bounds[0]) == round(100 * found.bounds[1]):
        return ""
    name = "95 % interval " if found.basis is Basis.AUDIT else ""
    return f" ({name}{formatting.percent_interval(found.bounds)})"


def airline_name(airline: str) -> str:
    """As shown to people."""
    return airline or UNNAMED


def _row(shares: Shares, index: int | slice) -> Shares:
    low, high = (None if bound is None else bound[index] for bound in (shares.low, shares.high))
    return Shares(share=shares.share[index], low=low, high=high)


def _bounds(shares: Shares, index: int) -> tuple[float, float] | None:
    if shares.low is None or shares.high is None:
        return None
    return float(shares.low[index]), float(shares.high[index])


def _airlines(airlines: list[str], shares: EstimatedShares) -> list[AirlineShare]:
    table = [
        AirlineShare(
            airline=airline,
            tweets=int(shares.tweets[index]),
            share=float(shares.by_airline.share[index]),
            bounds=_bounds(shares.by_airline, index),
        )
        for index, airline in enumerate(airlines)
    ]
    return sorted(table, key=lambda row: -row.share)


def _share_before(
    connection: Connection, version: int, before: DateRange, airline: str | None, basis: Basis
) -> float | None:
    rows = daily_sentiment.series(connection, version, before.first, before.last)
    # half a range compares weekdays with weekends
    if len({row.day for row in rows}) < before.days:
        return None
    airlines = sorted({row.airline for row in rows})
    if airline is not None and airline not in airlines:
        return None
    days = sorted({before.bucket_of(row.day) for row in rows})
    shares = estimated_shares.estimate(rows, airlines, days, before, airline)
    # what labels say and what is predicted differ without any change
    if shares.basis is not basis:
        return None
    return float(shares.total.share[0] if airline is None else shares.by_airline.share[airlines.index(airline)])


def _share_chart(shares: Shares, buckets: list[date], shown: DateRange, airline: str | None, basis: Basis) -> Chart:
    points = []
    for index, bucket in enumerate(buckets):
        if not np.isnan(shares.share[index]):
            low, high = _bounds(shares, index) or (None, None)
            points.append(Point(at=_midnight(bucket), value=float(shares.share[index]), low=low, high=high))
    title = f"Negative tweets by {shown.bucket}" + (f", {airline_name(airline)}" if airline is not None else "")
    return lines(title + SUFFIXES[basis], {"negative": points}, axis="share", share=True, legend=False)


def _airline_chart(table: list[AirlineShare], basis: Basis) -> Chart:
    rows = [
        Interval(
            name=f"{airline_name(row.airline)} ({row.tweets:,})",
            value=row.share,
            low=row.bounds[0] if row.bounds else row.share,
            high=row.bounds[1] if row.bounds else row.share,
        )
        for row in table
    ]
    return intervals("Negative tweets by airline" + SUFFIXES[basis], rows, axis="share", zero=False)


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
