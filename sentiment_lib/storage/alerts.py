"""Alerts, one open row for each dedup key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.exc import IntegrityError

from sentiment_lib.errors import NotFound
from sentiment_lib.hashing import hash_text
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
#: Characters of an alert that are kept; its table takes no more.
KEY, TITLE, BODY = 500, 1000, 50_000
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
        count = least(alerts.count, 1999999999) + 1, last_seen_at = now(), title = EXCLUDED.title, body = EXCLUDED.body,
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
    values = {
        "kind": kind,
        "severity": str(Severity(severity)),
        "dedup_key": short_key(dedup_key),
        "title": _clip(title, TITLE),
        "body": _clip(body, BODY),
        "evidence_link": evidence_link,
    }
    # no lock: one that waits for others could be held by any role of the database. Of two that reopen or open at the
    # same time, the unique index lets one through, and the other one counts it up
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(REOPEN, {"dedup_key": values["dedup_key"], "within": REOPEN_WITHIN})
    alert_id: int = connection.execute(OPEN, values).scalar_one()
    return alert_id


def short_key(dedup_key: str) -> str:
    """The key as it is stored: one longer than an index takes is cut, with a hash of the whole."""
    if len(dedup_key) <= KEY:
        return dedup_key
    return f"{dedup_key[: KEY - 65]} {hash_text(dedup_key)}"


def _clip(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 2]} …"


def resolve_by_key(connection: Connection, dedup_key: str) -> int | None:
    """Resolve the open alert of this dedup key and return its id; None without one."""
    alert_id: int | None = connection.execute(
        text("UPDATE alerts SET resolved_at = now() WHERE dedup_key = :key AND resolved_at IS NULL RETURNING alert_id"),
        {"key": short_key(dedup_key)},
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
    return [read_row(row) for row in rows.mappings()]


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
    return read_row(row)


def read_row(row: RowMapping) -> Alert:
    """An alert from a row with COLUMNS."""
    values = {name: row[name] for name in Alert.__dataclass_fields__ if name != "severity"}
    return Alert(**values, severity=Severity(row["severity"]))


def _update(connection: Connection, what: str, values: Mapping[str, Any]) -> None:
    updated = connection.execute(
        text(f"UPDATE alerts SET {what} WHERE alert_id = :id AND resolved_at IS NULL"), dict(values)
    )
    if not updated.rowcount:
        raise NotFound(what="open alert", key=values["id"])
