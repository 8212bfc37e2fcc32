"""Open, count and resolve alerts: one open row for each dedup key, whoever calls and how often."""

from __future__ import annotations

from sqlalchemy import Connection, text

from sentiment_lib.records import Severity

# a second sighting counts up; it may raise the severity, never lower it
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
    """Id of the open alert of this dedup key: a new row, or the open one counted up."""
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
