"""Check alert rules, open and resolve alerts, and notify receivers; a failing receiver does not delay the others."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sentiment_lib import clock
from sentiment_lib.alerts import api_health, catalog, delivery
from sentiment_lib.alerts.rule import Finding
from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity
from sentiment_lib.settings import Settings
from sentiment_lib.storage import alert_messages as outbox
from sentiment_lib.storage import alerts, api_predictions
from sentiment_lib.storage.alert_messages import Delivery, PendingMessage
from sentiment_lib.storage.alerts import Alert
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)

#: Kind of the alert of a rule that could not be checked.
RULE_FAILED = "rule_failed"
#: Messages in a row that a receiver does not accept before the round ends.
FAILURES = 3
#: Kinds of alerts that this step opens and resolves; other kinds are resolved by the step that opens them.
KINDS = (*(rule.kind for rule in catalog.RULES), RULE_FAILED)


@dataclass(frozen=True, kw_only=True)
class AlertsResult:
    """Counts of one check."""

    firing: int
    resolved: int
    #: messages that a receiver accepted; a digest counts as one
    sent: int
    #: messages for a receiver that failed
    waiting: int


def run(
    store: Store, settings: Settings, *, at: datetime | None = None, api: api_health.ApiHealth | None = None
) -> AlertsResult:
    """Check every rule at `at` (default: now), open and resolve alerts, then deliver messages.

    The API is probed only when `api` is given, which a process that runs repeatedly does; otherwise the API's alerts
    are not changed.
    """
    now = at or clock.now()
    if api is not None:
        token = settings.serving.metrics_key.get_secret_value()
        api.add(api_health.probe(settings.api_url, now, metrics_key=token), settings.policy.alerts)
    with store.begin() as connection:
        findings, failed = _check(connection, settings.policy, now)
        if api is not None:
            findings += api.findings(settings.policy.alerts, now, has_served=api_predictions.any_stored(connection))
        firing = {_open(connection, finding) for finding in findings}
        resolved = 0
        # of a rule that failed nobody knows what still fires
        checked = [kind for kind in KINDS if kind not in failed]
        for key in alerts.open_keys(connection, (*checked, *(api_health.KINDS if api is not None else ()))):
            if key not in firing and alerts.resolve_by_key(connection, key) is not None:
                resolved += 1
    sent, waiting = deliver(store, settings, at=now)
    return AlertsResult(firing=len(findings), resolved=resolved, sent=sent, waiting=waiting)


def _open(connection: Connection, finding: Finding) -> str:
    """Open the alert of a finding, or one that says that the database does not take it; returns the key of it."""
    try:
        return _store(connection, finding)
    except DBAPIError as error:
        log.exception("the alert %s cannot be opened", finding.dedup_key)
        return _store(connection, _failure(finding.kind, f"Its alert cannot be opened: {str(error)[:300]}"))


def _store(connection: Connection, finding: Finding) -> str:
    with connection.begin_nested():
        alerts.open_alert(connection, finding.kind, finding.severity, finding.dedup_key, finding.title, finding.body)
    return alerts.short_key(finding.dedup_key)


def _failure(kind: str, body: str) -> Finding:
    return Finding(
        kind=RULE_FAILED,
        severity=Severity.CRITICAL,
        dedup_key=f"{RULE_FAILED}/{kind}",
        title=f"The alert rule {kind} cannot be checked",
        body=body,
    )


def _check(connection: Connection, policy: Policy, now: datetime) -> tuple[list[Finding], set[str]]:
    """Findings of all rules, and the kinds of those that failed, each an alert of its own: the others still count."""
    findings: list[Finding] = []
    failed = set()
    for rule in catalog.RULES:
        try:
            with connection.begin_nested():
                findings += list(rule.findings(connection, policy, now))
        except Exception as error:
            log.exception("the alert rule %s failed", rule.kind)
            failed.add(rule.kind)
            body = f"Nobody is told what it would find: {type(error).__name__}: {str(error)[:300]}"
            findings.append(_failure(rule.kind, body))
    return findings, failed


def deliver(store: Store, settings: Settings, *, at: datetime | None = None) -> tuple[int, int]:
    """Send every receiver its pending messages; returns the numbers of messages sent and waiting.

    At-least-once delivery: a message is marked as sent after the receiver accepted it. A failing receiver is retried
    with exponential back-off and then gets the current state, many alerts as one digest.
    """
    now = at or clock.now()
    total_sent = total_waiting = 0
    for receiver in delivery.receivers(settings):
        with store.begin() as connection:
            for candidate in outbox.delivery_state(connection, receiver.key, now):
                if _wanted(candidate, receiver, settings, now):
                    outbox.enqueue(connection, candidate.alert.alert_id, receiver.key, now)
        with store.begin() as connection:
            sent, waiting = _send(connection, settings, receiver, now)
        total_sent, total_waiting = total_sent + sent, total_waiting + waiting
    return total_sent, total_waiting


def _wanted(candidate: Delivery, receiver: delivery.Receiver, settings: Settings, now: datetime) -> bool:
    policy, severity = settings.policy.alerts, candidate.alert.severity
    return (
        delivery.ORDER[severity] >= delivery.ORDER[receiver.least]
        and delivery.next_event(candidate, policy, now) is not None
        and not delivery.quiet(severity, policy, now)
    )


def _send(connection: Connection, settings: Settings, receiver: delivery.Receiver, now: datetime) -> tuple[int, int]:
    """Send what is due, what failed least often first.

    A message that is not accepted waits while others are sent; after FAILURES in a row the receiver is away: all wait.
    """
    policy = settings.policy.alerts
    due = outbox.due(connection, receiver.key, now)
    deliveries = outbox.delivery_state(connection, receiver.key, now) if due else []
    by_id = {candidate.alert.alert_id: candidate for candidate in deliveries}
    ready: list[tuple[PendingMessage, Alert, str]] = []
    for message in due:
        candidate = by_id.get(message.alert_id)
        event = delivery.next_event(candidate, policy, now) if candidate else None
        if candidate is None or event is None:
            outbox.delete_message(connection, message.message_id)
        else:
            # an alert that opened and was resolved between two checks is sent once, as resolved
            ready.append((message, candidate.alert, "resolved" if candidate.alert.resolved_at else event))
    as_digest = len(ready) > policy.digest_over
    batches = [ready] if as_digest else [[item] for item in ready]
    sent, failures = 0, 0
    for number, batch in enumerate(batches):
        about = [alert for _, alert, _ in batch]
        title, body = delivery.digest(about) if as_digest else delivery.message(about[0], batch[0][2])
        try:
            delivery.send(receiver, title, body, delivery.worst(about))
        except Exception as error:  # a failing receiver must not stop the step
            log.warning("An alert receiver did not accept a message: %s", error)
            failures += 1
            refused = batch if failures < FAILURES else [item for rest in batches[number:] for item in rest]
            wait = delivery.back_off(max(message.attempts for message, _, _ in refused))
            ids = [message.message_id for message, _, _ in refused]
            outbox.postpone(connection, ids, now + wait, str(error)[:500])
            if failures == FAILURES:
                break
            continue
        sent, failures = sent + 1, 0
        for message, alert, event in batch:
            outbox.mark_sent(connection, message.message_id, alert, event, now)
    return sent, outbox.waiting(connection, receiver.key)
