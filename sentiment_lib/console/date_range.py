"""The range of days that a page shows: from its query parameters, within the days that have data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sentiment_lib.errors import BadInput

#: Days offered as links.
PRESETS = (7, 14, 30, 90)
DEFAULT_DAYS = 14
#: First and last day that may be asked for; days around them must be dates too.
EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
#: Longest range that is shown day by day, and week by week.
BY_DAY, BY_WEEK = 92, 730


@dataclass(frozen=True, kw_only=True)
class DateRange:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> DateRange:
        """As many days, just before."""
        return DateRange(first=self.first - timedelta(days=self.days), last=self.first - timedelta(days=1))

    @property
    def bucket(self) -> str:
        """How values are grouped over time: "day", "week" or "month"."""
        return "day" if self.days <= BY_DAY else "week" if self.days <= BY_WEEK else "month"

    def bucket_of(self, day: date) -> date:
        """First day of the bucket of a day."""
        if self.bucket == "day":
            return day
        return day - timedelta(days=day.weekday()) if self.bucket == "week" else day.replace(day=1)

    @property
    def query(self) -> str:
        """As query parameters."""
        return f"from={self.first}&to={self.last}"


def parse(start: str, end: str, span: tuple[date, date] | None, today: date) -> DateRange:
    """The range of the query parameters `from` and `to` (ISO dates, "" where missing).

    Without them the last DEFAULT_DAYS days that have data; `span` is the first and last day with data, if any. Raises
    BadInput for something else than a date, or an end before its start.
    """
    newest = span[1] if span else today
    last = _date(end, "to") or newest
    first = _date(start, "from") or last - timedelta(days=DEFAULT_DAYS - 1)
    if first > last:
        raise BadInput(what="range", problem=f"it ends on {last}, before it starts on {first}")
    return DateRange(first=first, last=last)


def presets(span: tuple[date, date] | None) -> list[tuple[str, DateRange]]:
    """Ranges to choose from, each ending with the newest data; none without data."""
    if span is None:
        return []
    first, last = span
    days = (last - first).days + 1
    ranges = [
        (f"{number} days", DateRange(first=last - timedelta(days=number - 1), last=last))
        for number in PRESETS
        if number < days
    ]
    return [*ranges, ("all", DateRange(first=first, last=last))]


def _date(text: str, name: str) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadInput(what=name, problem=f"'{text[:20]}' is no date such as 2026-11-26") from error
    if day and not EARLIEST <= day <= LATEST:
        raise BadInput(what=name, problem=f"{day} is not between {EARLIEST} and {LATEST}")
    return day
