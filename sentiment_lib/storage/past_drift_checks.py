"""Earlier drift checks: the history of each signal, and the windows that continuous monitoring counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sentiment_lib.records import Window
from sentiment_lib.storage.alert_responses import FALSE_ALARM, REAL


@dataclass(frozen=True, kw_only=True)
class PastCheck:
    """A stored check of enough tweets."""

    model_version: int
    #: kind of its reference; None for reports that do not say it
    reference: str | None
    signals: list[dict[str, Any]]
    current_start: datetime
    current_end: datetime
    #: later labels showed no loss of quality
    harmless: bool
    #: alert that a person answered as a false alarm; labels that showed a loss outweigh the answer
    answer: int | None
    #: later labels showed a loss, or a person called the alarm real and labels showed none that is harmless
    confirmed: bool


# At most one drift alert is open at any time; an answer covers the reports between its opening and the answer.
ANSWERS = (
    "LEFT JOIN drift_outcomes o ON o.report_id = r.report_id LEFT JOIN LATERAL ("
    "SELECT a.alert_id, answer.verdict FROM alerts a JOIN LATERAL (SELECT verdict, given_at FROM alert_responses "
    "WHERE alert_id = a.alert_id AND verdict IS NOT NULL ORDER BY response_id DESC LIMIT 1) answer ON true "
    "WHERE a.kind = 'drift' AND r.created_at >= a.opened_at "
    "AND r.created_at <= least(answer.given_at, coalesce(a.resolved_at, answer.given_at)) "
    "ORDER BY a.alert_id DESC LIMIT 1) said ON r.verdict = 'drift'"
)
PAST = (
    "SELECT r.model_version, r.details -> 'reference' ->> 'kind' AS reference, r.signals, r.current_start, "
    "r.current_end, coalesce(o.harmless, false) AS harmless, "
    f"CASE WHEN said.verdict = '{FALSE_ALARM}' AND o.harmless IS DISTINCT FROM false THEN said.alert_id END AS answer, "
    f"coalesce(NOT o.harmless, said.verdict = '{REAL}', false) AS confirmed "
    f"FROM drift_reports r {ANSWERS} WHERE r.verdict <> 'too_few' AND "
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
    query = text(f"{PAST} current_end <= :before {same_time} ORDER BY r.current_end DESC, r.report_id DESC LIMIT 2000")
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
    query = text(
        f"{PAST} (continuous ->> 'counted')::boolean ORDER BY r.current_end DESC, r.report_id DESC LIMIT :limit"
    )
    rows = [PastCheck(**row) for row in connection.execute(query, {"limit": limit}).mappings()]
    return rows[::-1], not rows or rows[0].current_end <= current.start


def last_end(connection: Connection, before: datetime) -> datetime | None:
    """End of the newest window of enough tweets that was checked and ends before then; None without one."""
    query = text("SELECT max(current_end) FROM drift_reports WHERE verdict <> 'too_few' AND current_end < :before")
    end: datetime | None = connection.execute(query, {"before": before}).scalar()
    return end


@dataclass(frozen=True, kw_only=True)
class OpenQuestion:
    """A check with drift of which nobody knows whether it did harm."""

    report_id: int
    model_version: int
    current: Window


def open_questions(connection: Connection, since: datetime, until: datetime) -> list[OpenQuestion]:
    """Counted checks with drift whose windows end in (since, until] and that later labels have not decided."""
    rows = connection.execute(
        text(
            "SELECT report_id, model_version, current_start, current_end FROM drift_reports r "
            "WHERE verdict = 'drift' AND (continuous ->> 'counted')::boolean "
            "AND NOT EXISTS (SELECT FROM drift_outcomes o WHERE o.report_id = r.report_id) "
            "AND current_end > :since AND current_end <= :until ORDER BY report_id"
        ),
        {"since": since, "until": until},
    )
    return [
        OpenQuestion(
            report_id=row.report_id,
            model_version=row.model_version,
            current=Window(start=row.current_start, end=row.current_end),
        )
        for row in rows
    ]


def add_outcome(
    connection: Connection, report_id: int, *, harmless: bool, loss: float, low: float, high: float
) -> None:
    """Store what later labels say about a report: the loss of macro-F1 with its 95 % interval."""
    connection.execute(
        text(
            "INSERT INTO drift_outcomes (report_id, harmless, loss, low, high) "
            "VALUES (:report, :harmless, :loss, :low, :high) ON CONFLICT DO NOTHING"
        ),
        {"report": report_id, "harmless": harmless, "loss": loss, "low": low, "high": high},
    )
