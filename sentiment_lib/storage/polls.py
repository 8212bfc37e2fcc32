"""Polls of metered sources: what each read, of which period, and which share of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Poll:
    """One poll. A poll that broke off before its first tweet has read_until = read_from."""

    ingest_id: int
    source: str
    polled_at: datetime
    reads: int
    share: float
    read_from: datetime
    read_until: datetime
    refusal: str | None = None


@dataclass(frozen=True, kw_only=True)
class DayOfPolls:
    """Of one day (UTC): the time that polls covered, and the tweets that they would have read without sampling."""

    day: date
    covered: timedelta
    tweets: float


def record(connection: Connection, poll: Poll) -> None:
    """Store a poll."""
    connection.execute(
        text(
            "INSERT INTO polls (ingest_id, source, polled_at, reads, share, read_from, read_until, refusal) "
            "VALUES (:ingest_id, :source, :polled_at, :reads, :share, :read_from, :read_until, :refusal)"
        ),
        vars(poll),
    )


def newest(connection: Connection, source: str) -> Poll | None:
    """The newest poll of the source."""
    row = connection.execute(
        text(
            "SELECT ingest_id, source, polled_at, reads, share, read_from, read_until, refusal FROM polls "
            "WHERE source = :source ORDER BY polled_at DESC, poll_id DESC LIMIT 1"
        ),
        {"source": source},
    ).one_or_none()
    return Poll(**row._mapping) if row else None


def reads_since(connection: Connection, source: str, since: datetime) -> int:
    """Tweets that the source delivered since then."""
    statement = text("SELECT coalesce(sum(reads), 0) FROM polls WHERE source = :source AND polled_at >= :since")
    return int(connection.execute(statement, {"source": source, "since": since}).scalar_one())


def days(connection: Connection, source: str, first: datetime, end: datetime) -> list[DayOfPolls]:
    """Each day from `first`, a midnight in UTC, with polls; a poll counts for the days that its period overlaps."""
    rows = connection.execute(
        text(
            "SELECT day, sum(part) AS covered, sum(reads / share * extract(epoch FROM part) / "
            "extract(epoch FROM read_until - read_from)) AS tweets FROM ("
            "SELECT d.day, p.reads, p.share, p.read_from, p.read_until, "
            "least(p.read_until, d.day + interval '1 day') - greatest(p.read_from, d.day) AS part "
            "FROM polls p "
            "JOIN generate_series(cast(:first AS timestamptz), cast(:end AS timestamptz), '1 day') d (day) "
            "ON p.read_from < d.day + interval '1 day' AND p.read_until > d.day "
            "WHERE p.source = :source AND p.polled_at >= :first AND p.read_until > p.read_from) x "
            "GROUP BY day ORDER BY day"
        ),
        {"source": source, "first": first, "end": end},
    )
    return [DayOfPolls(day=row.day.date(), covered=row.covered, tweets=float(row.tweets)) for row in rows]
