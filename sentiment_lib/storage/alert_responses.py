"""People's responses to alerts: who acknowledged, resolved or commented, and whether the alarm was real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sentiment_lib.errors import BadInput
from sentiment_lib.storage import alerts

ACTIONS = ("acknowledge", "resolve", "comment")
REAL, FALSE_ALARM = "real", "false_alarm"
LONGEST_COMMENT = 2000


@dataclass(frozen=True, kw_only=True)
class AlertResponse:
    """One response of a person; `verdict` is "real", "false_alarm" or None when the person did not say."""

    alert_id: int
    action: str
    verdict: str | None
    comment: str | None
    given_by: str
    given_at: datetime


@dataclass(frozen=True, kw_only=True)
class JudgedAlert:
    """An alert with the newest verdict on it."""

    alert_id: int
    kind: str
    dedup_key: str
    evidence_link: str | None
    opened_at: datetime
    verdict: str
    given_by: str
    given_at: datetime


@dataclass(frozen=True, kw_only=True)
class VerdictCounts:
    """Judged alerts of one kind, each by its newest verdict."""

    kind: str
    real: int
    false_alarms: int


def respond(
    connection: Connection, alert_id: int, action: str, *, by: str, comment: str = "", verdict: str | None = None
) -> None:
    """Carry out a person's action on an alert and keep the response.

    action: one of ACTIONS; a comment is possible on resolved alerts too. Raises BadInput for another action or verdict,
    an empty comment or one that is too long, and NotFound for an unknown alert or one that is not open.
    """
    comment = comment.strip()
    if action not in ACTIONS:
        raise BadInput(what="action", problem=f"'{action}' is none of {', '.join(ACTIONS)}")
    if verdict not in (None, REAL, FALSE_ALARM):
        raise BadInput(what="verdict", problem=f"'{verdict}' is neither {REAL} nor {FALSE_ALARM}")
    if "\0" in comment:
        raise BadInput(what="comment", problem="it contains a NUL, which cannot be stored")
    if len(comment) > LONGEST_COMMENT:
        raise BadInput(what="comment", problem=f"{len(comment)} characters, at most {LONGEST_COMMENT}")
    if action == "acknowledge":
        alerts.acknowledge(connection, alert_id, by)
    elif action == "resolve":
        alerts.resolve_alert(connection, alert_id, by)
    elif not comment and verdict is None:
        raise BadInput(what="comment", problem="it is empty")
    else:
        alerts.require(connection, alert_id)
    connection.execute(
        text(
            "INSERT INTO alert_responses (alert_id, action, verdict, comment, given_by) "
            "VALUES (:alert_id, :action, :verdict, :comment, :by)"
        ),
        {"alert_id": alert_id, "action": action, "verdict": verdict, "comment": comment or None, "by": by},
    )


def of_alerts(connection: Connection, alert_ids: Sequence[int]) -> dict[int, list[AlertResponse]]:
    """Responses by alert id, oldest first."""
    rows = connection.execute(
        text(
            "SELECT alert_id, action, verdict, comment, given_by, given_at FROM alert_responses "
            "WHERE alert_id = ANY(:ids) ORDER BY response_id"
        ),
        {"ids": list(alert_ids)},
    )
    responses: dict[int, list[AlertResponse]] = {}
    for row in rows.mappings():
        responses.setdefault(row["alert_id"], []).append(AlertResponse(**row))
    return responses


JUDGED = """
    SELECT DISTINCT ON (r.alert_id) r.alert_id, a.kind, a.dedup_key, a.evidence_link, a.opened_at, r.verdict,
           r.given_by, r.given_at
    FROM alert_responses r JOIN alerts a USING (alert_id)
    WHERE r.verdict IS NOT NULL AND r.given_at >= :since
    ORDER BY r.alert_id, r.response_id DESC
"""


def judged_alerts(connection: Connection, since: datetime, kind: str | None = None) -> list[JudgedAlert]:
    """Alerts that people judged since then, oldest first, each with its newest verdict; `kind`: only of this rule."""
    rows = connection.execute(
        text(f"SELECT * FROM ({JUDGED}) j WHERE CAST(:kind AS text) IS NULL OR kind = :kind ORDER BY alert_id"),
        {"since": since, "kind": kind},
    )
    return [JudgedAlert(**row) for row in rows.mappings()]


def verdict_counts(connection: Connection, since: datetime) -> list[VerdictCounts]:
    """Real and false alarms of each kind that people judged since then, most false alarms first."""
    rows = connection.execute(
        text(
            f"SELECT kind, count(*) FILTER (WHERE verdict = '{REAL}') AS real, "
            f"count(*) FILTER (WHERE verdict = '{FALSE_ALARM}') AS false_alarms "
            f"FROM ({JUDGED}) j GROUP BY kind ORDER BY false_alarms DESC, kind"
        ),
        {"since": since},
    )
    return [VerdictCounts(**row) for row in rows.mappings()]
