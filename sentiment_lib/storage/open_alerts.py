"""Open, count and resolve alerts: one open row for each dedup key, whoever calls and how often."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from sentiment_lib.records import Severity

# a second sighting counts up; it may raise the severity, never lower it
SERIAL = text("SELECT pg_advisory_xact_lock(hashtextextended(:dedup_key, 7))")
# a rule that was clear for a moment is the same incident: a flapping signal must not make a row each time
REOPEN = text(
    """
    UPDATE alerts SET resolved_at = NULL, resolved_by = NULL WHERE alert_id = (
        SELECT alert_id FROM alerts WHERE dedup_key = :dedup_key AND resolved_at > now() - :within
        ORDER BY alert_id DESC LIMIT 1)
    AND NOT EXISTS (SELECT FROM alerts WHERE dedup_key = :dedup_key AND resolved_at IS NULL)
    """
)
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
    *,
    reopen_within: timedelta = timedelta(minutes=30),
) -> int:
    """Id of the open alert of this dedup key: a new row, or the one that is open (or was just now) counted up."""
    connection.execute(SERIAL, {"dedup_key": dedup_key})
    connection.execute(REOPEN, {"dedup_key": dedup_key, "within": reopen_within})
    found: int = connection.execute(
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
    return found


def resolve(connection: Connection, dedup_key: str) -> int | None:
    """Resolve the open alert of this key; None when there is none."""
    found: int | None = connection.execute(
        text("UPDATE alerts SET resolved_at = now() WHERE dedup_key = :key AND resolved_at IS NULL RETURNING alert_id"),
        {"key": dedup_key},
    ).scalar()
    return found
