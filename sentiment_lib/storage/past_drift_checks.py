"""Earlier drift checks: the history of each signal, and the windows that continuous monitoring counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.records import Window


@dataclass(frozen=True, kw_only=True)
class PastCheck:
    """A stored check of enough tweets."""

    model_version: int
    #: kind of its reference; None for reports that do not say it
    reference: str | None
    signals: list[dict[str, Any]]
    current_start: datetime
    current_end: datetime


PAST = (
    "SELECT model_version, details -> 'reference' ->> 'kind' AS reference, signals, current_start, current_end "
    "FROM drift_reports WHERE verdict <> 'too_few' AND "
)


def past_checks(
    connection: Connection, before: datetime, *, same_hour: bool = False, limit: int = 60
) -> list[PastCheck]:
    """Earlier checks, of any version and verdict, whose windows do not overlap; newest first.

    With `same_hour`, only windows that end within two hours of the same time of day, to compare like with like.
    """
    same_time = (
        "AND abs(mod(extract(epoch FROM current_end - :before)::bigint + 43200, 86400)) BETWEEN 36000 AND 50400 "
        if same_hour
        else ""
    )
    query = text(f"{PAST} current_end <= :before {same_time} ORDER BY current_end DESC, report_id DESC LIMIT 2000")
    selected: list[PastCheck] = []
    earliest_start = before
    for row in connection.execute(query, {"before": before}).mappings():
        if row["current_end"] <= earliest_start and len(selected) < limit:
            selected.append(PastCheck(**row))
            earliest_start = row["current_start"]
    return selected


def monitored_checks(connection: Connection, current: Window, limit: int = 1000) -> tuple[list[PastCheck], bool]:
    """Checks counted by continuous monitoring, of any version, oldest first, and whether `current` is the next one.

    Checks may overlap (a window of a day, checked every hour); only consecutive, non-overlapping windows are counted,
    or the false-alarm rate would exceed the stated one.
    """
    query = text(f"{PAST} (continuous ->> 'counted')::boolean ORDER BY current_end DESC, report_id DESC LIMIT :limit")
    rows = [PastCheck(**row) for row in connection.execute(query, {"limit": limit}).mappings()]
    return rows[::-1], not rows or rows[0].current_end <= current.start


def count_checks(connection: Connection, since: datetime, until: datetime) -> int:
    """Number of checks of enough tweets whose windows end in (since, until]."""
    query = text(
        "SELECT count(*) FROM drift_reports "
        "WHERE verdict <> 'too_few' AND current_end > :since AND current_end <= :until"
    )
    count: int = connection.execute(query, {"since": since, "until": until}).scalar_one()
    return count
