"""Partitions of tweets and predictions: periods of tweet ids, made ahead; those of the API have ids of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, text

from sentiment_lib import clock
from sentiment_lib.tweet_ids import first_api_id, first_id

Period = Literal["day", "week", "month"]
#: From the start of a period into the next one.
_STEPS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=32)}


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A range of tweet ids: a partition of `tweets`, and one of `predictions` with the same bounds."""

    #: of the partition of tweets
    name: str
    #: None: no lower bound
    lower_id: int | None
    #: the first id that is not in it
    upper_id: int
    is_api: bool


def stored(connection: Connection) -> list[Partition]:
    """All partitions, by their ids."""
    rows = connection.execute(text("SELECT name, lower_id, upper_id, is_api FROM tweet_partitions ORDER BY upper_id"))
    return [Partition(**row) for row in rows.mappings()]


def add_missing(connection: Connection, until: datetime, period: Period) -> int:
    """Make what is missing for tweets up to this moment, and for texts sent to the API; returns how many.

    An ingest whose partition exists pays one query of the catalogue. Raises DBAPIError more than a year ahead.
    """
    ends = dict.fromkeys((False, True), 0)
    ends.update(connection.execute(text("SELECT is_api, max(upper_id) FROM tweet_partitions GROUP BY is_api")).all())
    made = 0
    for is_api, end in ends.items():
        first = first_api_id if is_api else first_id
        for moment in _ends(clock.now(), until, period):
            if first(moment) > end:
                made += connection.execute(text("SELECT add_partition(:id)"), {"id": first(moment)}).scalar_one()
    return made


def _ends(now: datetime, until: datetime, period: Period) -> list[datetime]:
    """Ends of the periods from the one of `now` to the one of `until`."""
    end, ends = _start(now, period), []
    while end <= until:
        end = _start(end + _STEPS[period], period)
        ends.append(end)
    return ends


def _start(moment: datetime, period: Period) -> datetime:
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period == "week" else day
