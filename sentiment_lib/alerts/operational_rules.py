"""Alert rules over the platform's own operation: ingestion, scoring, labelling, approvals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib.alerts.rule import Firing, Rule
from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity
from sentiment_lib.storage import (
    approval_votes,
    decisions,
    erasure_requests,
    heartbeats,
    ingests,
    label_counts,
    large_erasures,
    scoring_queue,
    verified_points,
    version_erasures,
)

#: Rows in a day below which the share in quarantine says nothing.
MIN_ROWS = 50
#: Age from which an unlabelled tweet of the audit sample counts as backlog.
LABELLING_DELAY = timedelta(days=7)
#: Time for which a large request to forget is an alert, also when it is carried out within minutes.
LARGE_FOR = timedelta(days=1)


def no_tweets(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """No source has delivered a tweet for longer than the policy allows."""
    newest = ingests.last_collected_at(connection)
    if newest is not None and now - newest > policy.alerts.no_tweets_after:
        yield Firing(
            title=f"No tweets since {newest:%Y-%m-%d %H:%M} UTC",
            body=f"Expected at least one every {policy.alerts.no_tweets_after}.",
        )


def quarantine_share(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """Too large a share of the last day's rows is in quarantine."""
    received, quarantined = ingests.received_and_quarantined(connection, now - timedelta(days=1))
    if received >= MIN_ROWS and quarantined / received > policy.alerts.quarantine_share:
        yield Firing(
            title=f"{100 * quarantined / received:.1f} % of the day's rows are in quarantine",
            body=f"{quarantined} of {received} rows; the policy allows {100 * policy.alerts.quarantine_share:.1f} %.",
        )


def scoring_backlog(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """Too many tweets are unscored."""
    maximum = policy.alerts.scoring_backlog
    if scoring_queue.count_overdue(connection, now - policy.deadlines.score, maximum + 1) > maximum:
        yield Firing(title=f"More than {maximum} tweets wait for a prediction")


def label_backlog(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """Too many tweets of the audit sample are unlabelled."""
    maximum = policy.alerts.label_backlog
    if label_counts.audit_overdue(connection, now - LABELLING_DELAY, maximum + 1) > maximum:
        yield Firing(
            title=f"More than {maximum} tweets of the audit sample wait for a label",
            body="Without these labels the champion's quality can only be estimated, not measured.",
        )


def approval_overdue(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """A decision has been pending for longer than the policy's share of the time until its approval expires."""
    due = policy.approval.expires_after * policy.approval.remind_at
    decision = decisions.overdue(connection, now - due)
    if decision is not None:
        yield Firing(
            title=f"Decision {decision} has been pending approval for more than {due}",
            body=_missing_approvals(connection, policy, decision, policy.approval.approvers),
            subject=str(decision),
        )


def erasure_overdue(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """A request to forget has waited for longer than the policy's share of its time, or a model for longer than all."""
    for request in erasure_requests.unfinished(connection):
        left = request.due_at - now
        if request.erased_at is None and left < policy.erasure.within * (1 - policy.erasure.warn_at):
            when = f"in {_rounded(left)}" if left > timedelta(0) else f"{_rounded(-left)} ago"
            yield Firing(
                title=f"The time of request {request.request_id} to forget ends {when}"
                if left > timedelta(0)
                else f"The time of request {request.request_id} to forget ended {when}",
                body="`sentiment forget run` carries it out; what stands in the way is in the log of the DAG forget.",
                subject=str(request.request_id),
            )
    for erasure in version_erasures.waiting(connection):
        if now > erasure.due_at:
            yield Firing(
                title=f"Version {erasure.version} learned from a forgotten tweet and is not erased",
                body=f"It was due at {erasure.due_at:%Y-%m-%d %H:%M} UTC; `sentiment forget run` says why it waits.",
                subject=f"version {erasure.version}",
            )


def large_erasure(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """A request to forget of the last day names very many tweets; the policy's own age does not count."""
    for number, kind, person, named in large_erasures.received_since(connection, policy.erasure, now - LARGE_FOR):
        if kind != erasure_requests.AGE or person != "policy":
            yield Firing(
                title=f"Request {number} to forget names {named:,} tweets",
                body=f"Asked by {person}. Once it is carried out, a backup alone has them, and a restore forgets them "
                "again.",
                subject=str(number),
            )


def _rounded(span: timedelta) -> str:
    """A time in hours, or in minutes below two hours."""
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"


def approval_escalated(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """A decision is still pending shortly before it expires: the second list may answer as well."""
    due = policy.approval.expires_after * policy.approval.escalate_at
    decision = decisions.overdue(connection, now - due) if policy.approval.escalate_to else None
    if decision is not None:
        yield Firing(
            title=f"Decision {decision} expires in {policy.approval.expires_after - due} or less",
            body=_missing_approvals(connection, policy, decision, policy.approval.approvers_after(due)),
            subject=str(decision),
        )


def maintain_silent(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """The DAG `maintain` has run before, and not for longer than the policy allows."""
    last = heartbeats.last(connection, heartbeats.MAINTAIN)
    if last is not None and now - last > policy.alerts.maintain_after:
        yield Firing(
            title=f"The DAG maintain has not run since {last:%Y-%m-%d %H:%M} UTC",
            body="Nothing is reconciled, caught up or rolled back, and no paused DAG is noticed, until it runs again.",
        )


def verification_overdue(connection: Connection, _: Policy, now: datetime) -> Iterator[Firing]:
    """No night has ended with everything verified, and the ledger is older than that."""
    last = verified_points.last_whole(connection)
    if last is not None and now - last > verified_points.OVERDUE:
        yield Firing(
            title=f"Not everything was verified since {last:%Y-%m-%d %H:%M} UTC",
            body="The DAG verify reads everything each night; `sentiment verify --full` says what stands in its way.",
        )


def _missing_approvals(connection: Connection, policy: Policy, decision: int, people: Iterable[str]) -> str:
    given = [vote.answered_by for vote in approval_votes.of_decision(connection, decision)]
    others = ", ".join(name for name in people if name not in given)
    return f"{len(given)} of {policy.approval.quorum} approvals are there; {others} may answer."


RULES = (
    Rule(kind="no_tweets", severity=Severity.WARNING, check=no_tweets),
    Rule(kind="quarantine_share", severity=Severity.WARNING, check=quarantine_share),
    Rule(kind="scoring_backlog", severity=Severity.WARNING, check=scoring_backlog),
    Rule(kind="label_backlog", severity=Severity.WARNING, check=label_backlog),
    Rule(kind="approval_overdue", severity=Severity.WARNING, check=approval_overdue),
    Rule(kind="erasure_overdue", severity=Severity.CRITICAL, check=erasure_overdue),
    Rule(kind="large_erasure", severity=Severity.CRITICAL, check=large_erasure),
    Rule(kind="approval_escalated", severity=Severity.CRITICAL, check=approval_escalated),
    Rule(kind="maintain_silent", severity=Severity.CRITICAL, check=maintain_silent),
    Rule(kind="verification_overdue", severity=Severity.WARNING, check=verification_overdue),
)
