"""Rules over the platform's own running. Each is one query; a rule that is clear resolves its alert."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from sentiment_lib.policy import Policy
from sentiment_lib.records import API_IDS_FROM

# texts of the API are not collected: they must not hide that the sources are silent
COLLECTED = text("SELECT max(coalesce(finished_at, started_at)) FROM ingests WHERE source <> 'api' AND stored > 0")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule that fires."""

    kind: str
    severity: str
    dedup_key: str
    title: str
    body: str = ""


def findings(connection: Connection, policy: Policy, now: datetime) -> Iterator[Finding]:
    """Every rule of this module that fires at `now`."""
    rules = policy.alerts
    newest = connection.execute(COLLECTED).scalar()
    if newest is not None and now - newest > rules.no_tweets_after:
        yield Finding(
            kind="no_tweets",
            severity="warning",
            dedup_key="no_tweets",
            title=f"No tweets since {newest:%Y-%m-%d %H:%M} UTC",
            body=f"Expected at least some every {rules.no_tweets_after}.",
        )
    received, bad = _one(
        connection,
        "SELECT coalesce(sum(received), 0), coalesce(sum(quarantined), 0) FROM ingests "
        "WHERE source <> 'api' AND started_at > :since",
        since=now - timedelta(days=1),
    )
    if received >= 50 and bad / received > rules.quarantine_share:
        yield Finding(
            kind="quarantine_share",
            severity="warning",
            dedup_key="quarantine_share",
            title=f"{bad / received:.0%} of the day's rows are in quarantine",
            body=f"{bad} of {received} rows; the policy allows {rules.quarantine_share:.0%}.",
        )
    (waiting,) = _one(
        connection,
        # a shadow's predictions answer nobody: only those of versions that have served count
        f"SELECT count(*) FROM (SELECT FROM tweets t WHERE tweet_id < {API_IDS_FROM} AND collected_at < :before "
        "AND NOT EXISTS (SELECT FROM predictions p WHERE p.tweet_id = t.tweet_id AND p.model_version IN "
        "(SELECT to_version FROM deployments WHERE state = 'done')) LIMIT :most) w",
        before=now - timedelta(minutes=30),
        most=rules.scoring_backlog + 1,
    )
    if waiting > rules.scoring_backlog:
        yield Finding(
            kind="scoring_backlog",
            severity="warning",
            dedup_key="scoring_backlog",
            title=f"More than {rules.scoring_backlog} tweets wait for a prediction",
        )
    (unlabelled,) = _one(
        connection,
        "SELECT count(*) FROM audit_sample a JOIN predictions p USING (prediction_id) WHERE drawn_at < :before AND "
        "NOT EXISTS (SELECT FROM labels l WHERE l.tweet_id = p.tweet_id AND l.source = 'audit')",
        before=now - timedelta(days=7),
    )
    if unlabelled > rules.label_backlog:
        yield Finding(
            kind="label_backlog",
            severity="warning",
            dedup_key="label_backlog",
            title=f"{unlabelled} tweets of the audit sample wait for a label",
            body="Without their labels the quality of the champion is a guess.",
        )
    yield from _overdue(connection, policy, now)


def _overdue(connection: Connection, policy: Policy, now: datetime) -> Iterator[Finding]:
    # an answer is due after half of the time that the question stands
    due = policy.approval.expires_after / 2
    for (decision,) in connection.execute(
        text(
            "SELECT max(d.decision_id) FROM decisions d LEFT JOIN approvals a USING (decision_id) "
            "WHERE d.answer = 'PROMOTE' AND a.decision_id IS NULL AND d.decided_at < :before "
            "AND d.decision_id = (SELECT max(decision_id) FROM decisions) HAVING count(*) > 0"
        ),
        {"before": now - due},
    ):
        yield Finding(
            kind="approval_overdue",
            severity="warning",
            dedup_key=f"approval_overdue/{decision}",
            title=f"Decision {decision} has waited for an answer for more than {due}",
        )


def _one(connection: Connection, query: str, **values: object) -> tuple[int, ...]:
    return tuple(int(value) for value in connection.execute(text(query), values).one())
