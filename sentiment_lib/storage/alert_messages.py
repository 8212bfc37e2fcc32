"""The outbox of messages about alerts, one of each alert for each receiver."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from sentiment_lib.records import Severity
from sentiment_lib.storage.alerts import COLUMNS, Alert, read_row


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """The last message about an alert to one receiver: its event, and the alert's severity and count at that time."""

    event: str
    sent_at: datetime
    severity: Severity
    count: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An alert, and what one receiver was last sent about it."""

    alert: Alert
    last: SentMessage | None


@dataclass(frozen=True, kw_only=True)
class PendingMessage:
    """A message in the outbox."""

    message_id: int
    alert_id: int
    #: failed attempts so far
    attempts: int


# alerts that may still need a message to this receiver, with the last message sent
DELIVERY_STATE = text(
    f"""
    SELECT {COLUMNS}, m.event AS sent_event, m.sent_at, m.severity AS sent_severity, m.count AS sent_count
    FROM alerts a LEFT JOIN LATERAL (
        SELECT event, sent_at, severity, count FROM alert_messages
        WHERE alert_id = a.alert_id AND receiver = :receiver AND sent_at IS NOT NULL
        ORDER BY sent_at DESC LIMIT 1) m ON true
    WHERE (a.resolved_at IS NULL OR a.resolved_at > CAST(:now AS timestamptz) - interval '1 day'
           OR m.event <> 'resolved')
      AND (:alert_id = 0 OR a.alert_id = :alert_id)
    ORDER BY a.alert_id
    """
)


def delivery_state(connection: Connection, receiver: str, now: datetime, alert_id: int = 0) -> list[Delivery]:
    """Alerts with the last message that this receiver was sent about each. `alert_id`: only this one."""
    where = {"receiver": receiver, "now": now, "alert_id": alert_id}
    return [_delivery(row) for row in connection.execute(DELIVERY_STATE, where).mappings()]


def enqueue(connection: Connection, alert_id: int, receiver: str, now: datetime) -> None:
    """Queue a message, unless one of this alert for this receiver is pending."""
    connection.execute(
        text(
            "INSERT INTO alert_messages (alert_id, receiver, created_at, next_try_at) "
            "VALUES (:alert_id, :receiver, :now, :now) ON CONFLICT DO NOTHING"
        ),
        {"alert_id": alert_id, "receiver": receiver, "now": now},
    )


def due(connection: Connection, receiver: str, now: datetime) -> list[PendingMessage]:
    """Pending messages that are due, locked until the transaction ends so that two senders never take the same."""
    rows = connection.execute(
        text(
            "SELECT message_id, alert_id, attempts FROM alert_messages WHERE receiver = :receiver AND sent_at IS NULL "
            "AND next_try_at <= :now ORDER BY attempts, message_id FOR UPDATE SKIP LOCKED"
        ),
        {"receiver": receiver, "now": now},
    )
    return [PendingMessage(**row) for row in rows.mappings()]


def waiting(connection: Connection, receiver: str) -> int:
    """How many messages a receiver has not accepted yet."""
    query = text("SELECT count(*) FROM alert_messages WHERE receiver = :receiver AND sent_at IS NULL")
    return int(connection.execute(query, {"receiver": receiver}).scalar_one())


def mark_sent(connection: Connection, message_id: int, alert: Alert, event: str, now: datetime) -> None:
    """Record what was sent, and the alert's severity and count at that time."""
    connection.execute(
        text(
            "UPDATE alert_messages SET sent_at = :now, event = :event, severity = :severity, count = :count, "
            "attempts = attempts + 1, last_error = NULL WHERE message_id = :id"
        ),
        {"id": message_id, "now": now, "event": event, "severity": alert.severity, "count": alert.count},
    )


def delete_message(connection: Connection, message_id: int) -> None:
    """Delete a message that is no longer needed."""
    connection.execute(text("DELETE FROM alert_messages WHERE message_id = :id"), {"id": message_id})


def postpone(connection: Connection, message_ids: Collection[int], until: datetime, error: str) -> None:
    """Postpone messages that a receiver did not accept until `until`, and count the attempt."""
    connection.execute(
        text(
            "UPDATE alert_messages SET attempts = attempts + 1, last_error = :error, next_try_at = :until "
            "WHERE message_id = ANY(:ids)"
        ),
        {"ids": list(message_ids), "until": until, "error": error},
    )


def _delivery(row: RowMapping) -> Delivery:
    if row["sent_event"] is None:
        return Delivery(alert=read_row(row), last=None)
    last = SentMessage(
        event=row["sent_event"],
        sent_at=row["sent_at"],
        severity=Severity(row["sent_severity"]),
        count=row["sent_count"],
    )
    return Delivery(alert=read_row(row), last=last)
