"""What this month has used of each budget, and what it will have used at its end.

Use is counted from what is stored. Months are those of the calendar in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from sentiment_lib.budget_policy import BudgetPolicy
from sentiment_lib.statistics.linear_forecast import Forecast, forecast
from sentiment_lib.storage import polls

X = "x"
#: Days before now that a forecast rests on: whole weeks, as days of the week differ.
FORECAST_DAYS = 14
#: Share of a day that polls must cover for it to count, scaled to a whole day.
_COVERED = 0.25
_DAY = timedelta(days=1)
_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The use of one budget; amounts are in its unit."""

    #: "X reads", "training" or "labelling"
    name: str
    unit: str
    used: float
    cap: float
    #: without sampling; None before there is a day to go by
    forecast: Forecast | None
    #: beginning of the next month
    ends_at: datetime
    #: of a sampled budget, the share that the next poll reads: 1 reads all, 0 nothing; None where nothing is sampled
    share: float | None = None
    #: price of a unit in US dollars, where it has one
    price: float | None = None
    #: what the source said at the last poll when it refused, because its own cap is used up
    refusal: str | None = None

    @property
    def used_up(self) -> bool:
        """Whether the cap is reached."""
        return self.used >= self.cap

    @property
    def above_cap(self) -> bool:
        """Whether the forecast, without sampling, is above the cap."""
        return self.forecast is not None and self.forecast.value > self.cap


def of_month(connection: Connection, policy: BudgetPolicy, now: datetime) -> list[Budget]:
    """Each budget that has a cap."""
    return [*of_x_reads(connection, policy, now), *_hours(connection, policy, now)]


def of_x_reads(connection: Connection, policy: BudgetPolicy, now: datetime) -> list[Budget]:
    """The budget of reads of X, if it has a cap."""
    if policy.x_reads is None:
        return []
    start, end = month(now)
    used = polls.reads_since(connection, X, start)
    first = _midnight(now) - (FORECAST_DAYS - 1) * _DAY
    daily = [
        day.tweets / (day.covered / _DAY)
        for day in polls.days(connection, X, first, now)
        if day.covered / _DAY >= _COVERED
    ]
    left = (end - now) / _DAY
    newest = polls.newest(connection, X)
    expected = forecast(used, daily, left)
    return [
        Budget(
            name="X reads",
            unit="reads",
            used=used,
            cap=policy.x_reads,
            forecast=expected,
            ends_at=end,
            share=_share(policy.x_reads - used, expected.daily * left if expected else 0.0),
            price=policy.x_price,
            refusal=newest.refusal if newest else None,
        )
    ]


def month(now: datetime) -> tuple[datetime, datetime]:
    """Beginning and end of the month, in UTC."""
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    return start, datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)


def _share(left: float, demand: float) -> float:
    """Share of the demand of the rest of the month that is left of the cap; never 0 while something is left."""
    if left <= 0:
        return 0.0
    return 1.0 if demand <= left else max(left / demand, 0.001)


def _hours(connection: Connection, policy: BudgetPolicy, now: datetime) -> Iterator[Budget]:
    start, end = month(now)
    since = min(start, _midnight(now) - FORECAST_DAYS * _DAY)
    resources = (
        ("training", policy.training_hours, _TRAINING, 1 / _HOUR),
        ("labelling", policy.labelling_hours, _LABELLING, policy.label_seconds / _HOUR),
    )
    for name, cap, statement, hours in resources:
        if cap is None:
            continue
        rows = connection.execute(text(statement), {"since": since}).all()
        amounts = {row.day.replace(tzinfo=UTC): float(row.amount) * hours for row in rows}
        used = sum(amount for day, amount in amounts.items() if day >= start)
        daily = _complete_days(sorted(amounts), now)
        expected = forecast(used, [amounts.get(day, 0.0) for day in daily], (end - now) / _DAY)
        yield Budget(name=name, unit="hours", used=used, cap=cap, forecast=expected, ends_at=end)


def _complete_days(used: Sequence[datetime], now: datetime) -> list[datetime]:
    """The last days that are over, from the first one with any use on."""
    today = _midnight(now)
    first = max(used[0], today - FORECAST_DAYS * _DAY) if used else today
    return [first + number * _DAY for number in range((today - first).days)]


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


#: Seconds that the trainings of registered versions took, by day.
_TRAINING = (
    "SELECT date_trunc('day', created_at AT TIME ZONE 'UTC') AS day, "
    "sum(coalesce((cost ->> 'train_seconds')::float8, 0)) AS amount FROM model_versions WHERE created_at >= :since "
    "GROUP BY 1"
)
#: Labels by people, by day.
_LABELLING = (
    "SELECT date_trunc('day', stored_at AT TIME ZONE 'UTC') AS day, count(*) AS amount FROM labels "
    "WHERE stored_at >= :since AND source IN ('audit', 'person') GROUP BY 1"
)
