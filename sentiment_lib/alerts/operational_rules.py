"""Rules over the platform's own running. Each is one query; a rule that is clear resolves its alert."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib.policy import Policy
from sentiment_lib.storage import decisions, ingests, label_counts, predictions


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
    newest = ingests.last_collected_at(connection)
    if newest is not None and now - newest > rules.no_tweets_after:
        yield Finding(
            kind="no_tweets",
            severity="warning",
            dedup_key="no_tweets",
            title=f"No tweets since {newest:%Y-%m-%d %H:%M} UTC",
            body=f"Expected at least some every {rules.no_tweets_after}.",
        )
    received, bad = ingests.received_and_quarantined(connection, now - timedelta(days=1))
    if received >= 50 and bad / received > rules.quarantine_share:
        yield Finding(
            kind="quarantine_share",
            severity="warning",
            dedup_key="quarantine_share",
            title=f"{bad / received:.0%} of the day's rows are in quarantine",
            body=f"{bad} of {received} rows; the policy allows {rules.quarantine_share:.0%}.",
        )
    waiting = predictions.count_unscored(connection, now - timedelta(minutes=30), rules.scoring_backlog + 1)
    if waiting > rules.scoring_backlog:
        yield Finding(
            kind="scoring_backlog",
            severity="warning",
            dedup_key="scoring_backlog",
            title=f"More than {rules.scoring_backlog} tweets wait for a prediction",
        )
    unlabelled = label_counts.audit_overdue(connection, now - timedelta(days=7))
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
    decision = decisions.overdue(connection, now - due)
    if decision is not None:
        yield Finding(
            kind="approval_overdue",
            severity="warning",
            dedup_key=f"approval_overdue/{decision}",
            title=f"Decision {decision} has waited for an answer for more than {due}",
        )
