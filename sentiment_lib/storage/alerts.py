"""Alerts, one open row for each dedup key, and the outbox of messages about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from sentiment_lib.errors import NotFound
from sentiment_lib.records import Severity


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A row of `alerts`."""

    alert_id: int
    kind: str
    severity: Severity
    dedup_key: str
    title: str
    body: str
    evidence_link: str | None
    #: how often it fired
    count: int
    opened_at: datetime
    last_seen_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    #: the person who resolved it; None when its rule no longer fired
    resolved_by: str | None


@dataclass(frozen=True, kw_only=True)
class NewAlert:
    """An alert to be opened, by the names of the arguments of `open_alert`."""

    kind: str
    severity: Severity
    dedup_key: str
    title: str
    body: str = ""
    evidence_link: str | None = None


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


COLUMNS = (
    "a.alert_id, a.kind, a.severity, a.dedup_key, a.title, a.body, a.evidence_link, a.count, a.opened_at, "
    "a.last_seen_at, a.acknowledged_by, a.acknowledged_at, a.resolved_at, a.resolved_by"
)
STATES = {
    "open": "resolved_at IS NULL AND acknowledged_at IS NULL",
    "acknowledged": "resolved_at IS NULL AND acknowledged_at IS NOT NULL",
    "unresolved": "resolved_at IS NULL",
    "resolved": "resolved_at IS NOT NULL",
    "all": "true",
}
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
# serialises concurrent calls with one dedup key
SERIAL = text("SELECT pg_advisory_xact_lock(hashtextextended(:dedup_key, 7))")
REOPEN_WITHIN = timedelta(minutes=30)
# flapping is one incident: a recently resolved alert is reopened
REOPEN = text(
    """
    UPDATE alerts SET resolved_at = NULL, resolved_by = NULL WHERE alert_id = (
        SELECT alert_id FROM alerts WHERE dedup_key = :dedup_key AND resolved_at > now() - :within
        ORDER BY alert_id DESC LIMIT 1)
    AND NOT EXISTS (SELECT FROM alerts WHERE dedup_key = :dedup_key AND resolved_at IS NULL)
    """
)
# a repeat increments the count and may raise the severity, never lower it
OPEN = text(
    """
    INSERT INTO alerts (kind, severity, dedup_key, title, body, evidence_link)
    VALUES (:kind, :severity, :dedup_key, :title, :body, :evidence_link)
    ON CONFLICT (dedup_key) WHERE resolved_at IS NULL DO UPDATE SET
        count = alerts.count + 1, last_seen_at = now(), title = EXCLUDED.title, body = EXCLUDED.body,
        evidence_link = EXCLUDED.evidence_link,
        severity = CASE WHEN array_position(ARRAY['info', 'warning', 'critical'], EXCLUDED.severity)
                          > array_position(ARRAY['info', 'warning', 'critical'], alerts.severity)
                        THEN EXCLUDED.severity ELSE alerts.severity END
    RETURNING alert_id
    """
)


def open_alert(
    connection: Connection,
    kind: str,
    severity: str | Severity,
    dedup_key: str,
    title: str,
    body: str = "",
    evidence_link: str | None = None,
) -> int:
    """Open an alert and return its id.

    An alert of this dedup key that is open, or was resolved within REOPEN_WITHIN, is counted up instead.
    """
    connection.execute(SERIAL, {"dedup_key": dedup_key})
    connection.execute(REOPEN, {"dedup_key": dedup_key, "within": REOPEN_WITHIN})
    alert_id: int = connection.execute(
        OPEN,
        {
            "kind": kind,
            "severity": str(Severity(severity)),
            "dedup_key": dedup_key,
            "title": title,
            "body": body,
            "evidence_link": evidence_link,
        },
    ).scalar_one()
    return alert_id


def resolve_by_key(connection: Connection, dedup_key: str) -> int | None:
    """Resolve the open alert of this dedup key and return its id; None without one."""
    alert_id: int | None = connection.execute(
        text("UPDATE alerts SET resolved_at = now() WHERE dedup_key = :key AND resolved_at IS NULL RETURNING alert_id"),
        {"key": dedup_key},
    ).scalar()
    return alert_id


def open_keys(connection: Connection, kinds: Sequence[str]) -> list[str]:
    """Dedup keys of the open alerts of these kinds."""
    query = text("SELECT dedup_key FROM alerts WHERE resolved_at IS NULL AND kind = ANY(:kinds)")
    return list(connection.execute(query, {"kinds": list(kinds)}).scalars())


def seen_since(connection: Connection, prefix: str, since: datetime) -> bool:
    """Whether an open alert whose dedup key starts with `prefix` was seen since then."""
    query = """SELECT EXISTS (SELECT FROM alerts
        WHERE resolved_at IS NULL AND starts_with(dedup_key, :prefix) AND last_seen_at >= :since)"""
    return bool(connection.execute(text(query), {"prefix": prefix, "since": since}).scalar_one())


def keys_not_seen_since(connection: Connection, key: str, prefix: str, since: datetime | None) -> list[str]:
    """Keys of open alerts, `key` itself and those that start with `prefix`, last seen before `since` (None: any)."""
    query = """SELECT dedup_key FROM alerts
        WHERE resolved_at IS NULL AND (dedup_key = :key OR starts_with(dedup_key, :prefix))
          AND (CAST(:since AS timestamptz) IS NULL OR last_seen_at < :since)
        ORDER BY alert_id"""
    rows = connection.execute(text(query), {"key": key, "prefix": prefix, "since": since})
    return list(rows.scalars())


def list_alerts(
    connection: Connection, state: str = "unresolved", *, before: int | None = None, limit: int | None = None
) -> list[Alert]:
    """Alerts in a state of STATES, newest first: all, or up to `limit` with ids below `before`."""
    rows = connection.execute(
        text(
            f"SELECT {COLUMNS} FROM alerts a WHERE {STATES[state]} "
            "AND (CAST(:before AS bigint) IS NULL OR alert_id < :before) ORDER BY alert_id DESC LIMIT :limit"
        ),
        {"before": before, "limit": limit},
    )
    return [_alert(row) for row in rows.mappings()]


def acknowledge(connection: Connection, alert_id: int, by: str) -> None:
    """Acknowledge an alert; the first acknowledgement is kept. Raises NotFound when no open alert has this id."""
    _update(
        connection,
        "acknowledged_by = coalesce(acknowledged_by, :by), acknowledged_at = coalesce(acknowledged_at, now())",
        {"id": alert_id, "by": by},
    )


def resolve_alert(connection: Connection, alert_id: int, by: str) -> None:
    """Resolve an alert for a person. Raises NotFound when no open alert has this id."""
    _update(connection, "resolved_at = now(), resolved_by = :by", {"id": alert_id, "by": by})


def require(connection: Connection, alert_id: int) -> Alert:
    """The alert of this id. Raises NotFound without one."""
    query = text(f"SELECT {COLUMNS} FROM alerts a WHERE alert_id = :id")
    row = connection.execute(query, {"id": alert_id}).mappings().one_or_none()
    if row is None:
        raise NotFound(what="alert", key=alert_id)
    return _alert(row)


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
            "AND next_try_at <= :now ORDER BY message_id FOR UPDATE SKIP LOCKED"
        ),
        {"receiver": receiver, "now": now},
    )
    return [PendingMessage(**row) for row in rows.mappings()]


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


def postpone(connection: Connection, receiver: str, until: datetime, error: str) -> None:
    """Postpone all messages to a receiver that failed until `until`, and count the attempt."""
    connection.execute(
        text(
            "UPDATE alert_messages SET attempts = attempts + 1, last_error = :error, next_try_at = :until "
            "WHERE receiver = :receiver AND sent_at IS NULL"
        ),
        {"receiver": receiver, "until": until, "error": error},
    )


def _alert(row: RowMapping) -> Alert:
    values = {name: row[name] for name in Alert.__dataclass_fields__ if name != "severity"}
    return Alert(**values, severity=Severity(row["severity"]))


def _delivery(row: RowMapping) -> Delivery:
    if row["sent_event"] is None:
        return Delivery(alert=_alert(row), last=None)
    last = SentMessage(
        event=row["sent_event"],
        sent_at=row["sent_at"],
        severity=Severity(row["sent_severity"]),
        count=row["sent_count"],
    )
    return Delivery(alert=_alert(row), last=last)


def _update(connection: Connection, what: str, values: Mapping[str, Any]) -> None:
    updated = connection.execute(
        text(f"UPDATE alerts SET {what} WHERE alert_id = :id AND resolved_at IS NULL"), dict(values)
    )
    if not updated.rowcount:
        raise NotFound(what="open alert", key=values["id"])
