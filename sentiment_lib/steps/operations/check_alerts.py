"""Check the alert rules, open and resolve alerts, and notify receivers; a failing receiver holds up nobody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from sentiment_lib.alerts import api_health, catalog, delivery
from sentiment_lib.settings import Settings
from sentiment_lib.storage import alerts as outbox
from sentiment_lib.storage import api_predictions
from sentiment_lib.storage.engine import Store

log = logging.getLogger(__name__)

#: Kinds of alerts that this step opens and resolves; other kinds are resolved by the step that opens them.
KINDS = tuple(rule.kind for rule in catalog.RULES)


@dataclass(frozen=True, kw_only=True)
class WatchResult:
    """What one look did."""

    firing: int
    resolved: int
    #: messages that reached a receiver (a digest is one)
    sent: int
    #: messages that wait for a receiver that is away
    waiting: int


def run(
    store: Store, settings: Settings, *, at: datetime | None = None, api: api_health.ApiHealth | None = None
) -> WatchResult:
    """Check every rule at `at` (default: now), open and resolve alerts, then deliver messages.

    The API is probed only for a process that runs this repeatedly and passes its probes as `api`; others leave the
    API's alerts as they are.
    """
    now = at or datetime.now(UTC)
    if api is not None:
        api.add(api_health.probe(settings.api_url, now), settings.policy.alerts)
    with store.begin() as connection:
        findings = [finding for rule in catalog.RULES for finding in rule.findings(connection, settings.policy, now)]
        if api is not None:
            findings += api.findings(settings.policy.alerts, now, has_served=api_predictions.any_stored(connection))
        for finding in findings:
            outbox.open_alert(
                connection, finding.kind, finding.severity, finding.dedup_key, finding.title, finding.body
            )
        resolved = 0
        firing = {finding.dedup_key for finding in findings}
        for key in outbox.open_keys(connection, (*KINDS, *(api_health.KINDS if api is not None else ()))):
            if key not in firing and outbox.resolve_by_key(connection, key) is not None:
                resolved += 1
    sent, waiting = deliver(store, settings, at=now)
    return WatchResult(firing=len(findings), resolved=resolved, sent=sent, waiting=waiting)


def deliver(store: Store, settings: Settings, *, at: datetime | None = None) -> tuple[int, int]:
    """Tell every receiver what it has not been told; gives the number of messages sent and waiting.

    At least once: a message is marked after it was taken. A receiver that fails is left alone until its back-off ends;
    what it missed is told by then in the state of then, and many at once as one digest.
    """
    now = at or datetime.now(UTC)
    sent = waiting = 0
    for receiver in delivery.receivers(settings):
        with store.begin() as connection:
            for alert in outbox.delivery_state(connection, receiver.key, now):
                if _wanted(alert, receiver, settings, now):
                    outbox.enqueue(connection, alert["alert_id"], receiver.key, now)
        with store.begin() as connection:
            taken, left = _send(connection, settings, receiver, now)
        sent, waiting = sent + taken, waiting + left
    return sent, waiting


def _wanted(alert: Mapping[str, Any], receiver: delivery.Receiver, settings: Settings, now: datetime) -> bool:
    policy = settings.policy.alerts
    loud = delivery.ORDER[alert["severity"]] >= delivery.ORDER[receiver.least]
    return (
        loud
        and delivery.next_event(alert, policy, now) is not None
        and not delivery.quiet(alert["severity"], policy, now)
    )


def _send(connection: Connection, settings: Settings, receiver: delivery.Receiver, now: datetime) -> tuple[int, int]:
    """Send what is due; one failure ends the round for this receiver."""
    policy = settings.policy.alerts
    due = outbox.due(connection, receiver.key, now)
    state = {alert["alert_id"]: alert for alert in outbox.delivery_state(connection, receiver.key, now)} if due else {}
    ready = []
    for message in due:
        alert = state.get(message["alert_id"])
        event = delivery.next_event(alert, policy, now) if alert else None
        if alert is None or event is None:
            outbox.delete_message(connection, message["message_id"])  # nothing to tell any more
        else:
            # one that came and went between two looks is told once, as over
            ready.append((message, alert, "resolved" if alert["resolved_at"] else event))
    together = len(ready) > policy.digest_over
    batches = [ready] if together else [[one] for one in ready]
    sent = 0
    for number, batch in enumerate(batches):
        alerts = [alert for _, alert, _ in batch]
        title, body = delivery.digest(alerts) if together else delivery.message(alerts[0], batch[0][2])
        worst = max((str(alert["severity"]) for alert in alerts), key=delivery.ORDER.__getitem__)
        try:
            delivery.send(receiver, title, body, worst)
        except Exception as error:  # whatever a receiver does, it must not hurt the flow
            log.warning("An alert receiver did not take a message: %s", error)
            wait = delivery.back_off(max(message["attempts"] for message, _, _ in batch))
            outbox.postpone(connection, receiver.key, now + wait, str(error)[:500])
            return sent, sum(len(one) for one in batches[number:])
        for message, alert, event in batch:
            outbox.mark_sent(connection, message["message_id"], alert, event, now)
        sent += 1
    return sent, 0
