"""Alert notifications through Apprise: one message when an alert opens, for updates, and when it is resolved."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from sentiment_lib.errors import BadSetting, MissingExtra
from sentiment_lib.policy import AlertPolicy
from sentiment_lib.records import Severity
from sentiment_lib.settings import Settings
from sentiment_lib.storage.alert_messages import Delivery
from sentiment_lib.storage.alerts import Alert

#: Rank of each severity, the least severe first.
ORDER = {severity: rank for rank, severity in enumerate(Severity)}
RUNBOOK = "docs/runbook.md"
#: Characters of an alert's body and title in a message: receivers refuse long ones.
BODY = 3000
TITLE = 250


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """An Apprise URL and the lowest severity that it is notified of."""

    url: SecretStr
    least: Severity

    @property
    def key(self) -> str:
        """Hash that names the receiver in the outbox; the URL itself is a secret."""
        return hashlib.sha256(self.url.get_secret_value().encode()).hexdigest()[:16]


def receivers(settings: Settings) -> list[Receiver]:
    """Receivers in SENTIMENT_ALERT_URLS, such as `[critical]slack://…, mailto://…`; the default is [warning].

    Raises BadSetting for a prefix that is not a severity in brackets.
    """
    parsed = []
    for part in settings.alert_urls.get_secret_value().split(","):
        url, least = part.strip(), Severity.WARNING
        if url.startswith("["):
            name, bracket, url = url[1:].partition("]")
            if not bracket or name.strip() not in set(Severity):
                prefixes = ", ".join(f"[{severity}]" for severity in Severity)
                raise BadSetting(setting="SENTIMENT_ALERT_URLS", problem=f"a receiver's prefix is one of {prefixes}")
            least = Severity(name.strip())
        if url:
            parsed.append(Receiver(url=SecretStr(url.strip()), least=least))
    return parsed


def next_event(delivery: Delivery, policy: AlertPolicy, now: datetime) -> str | None:
    """The event to notify this receiver of now: opened, updated, resolved, or None."""
    alert, last = delivery.alert, delivery.last
    if last is None:
        # also for an alert that opened and was resolved between two checks
        return "opened"
    cooled_down = now - last.sent_at >= policy.cool_down
    if alert.resolved_at is not None:
        return "resolved" if last.event != "resolved" and now - alert.resolved_at >= policy.settle else None
    if last.event == "resolved":
        return "updated" if cooled_down else None
    if ORDER[alert.severity] > ORDER[last.severity]:
        return "updated"
    continues = alert.count > last.count and now - last.sent_at >= policy.remind_after
    return "updated" if continues and alert.acknowledged_at is None else None


def quiet(severity: Severity, policy: AlertPolicy, now: datetime) -> bool:
    """True in quiet hours (UTC) for anything but critical alerts."""
    if policy.quiet_hours is None or severity == Severity.CRITICAL:
        return False
    start, end = policy.quiet_hours
    return start <= now.hour < end if start <= end else now.hour >= start or now.hour < end


def back_off(attempts: int) -> timedelta:
    """Exponential back-off before the next attempt: 5 s, doubled each time, at most 5 minutes."""
    return timedelta(seconds=min(300, 5 * 2 ** min(attempts, 10)))


def message(alert: Alert, event: str) -> tuple[str, str]:
    """Title and body of the message about one alert."""
    resolved = event == "resolved" or alert.resolved_at is not None
    word = "RESOLVED" if resolved else alert.severity.upper() + (" (ongoing)" if event == "updated" else "")
    lines = [
        alert.body if len(alert.body) <= BODY else f"{alert.body[:BODY]} … (the alert has the rest)",
        f"Alert {alert.alert_id}, seen {alert.count} times since {alert.opened_at:%Y-%m-%d %H:%M} UTC.",
        f"Evidence: {alert.evidence_link}" if alert.evidence_link else "",
        f"Runbook: {RUNBOOK}#{alert.kind}",
    ]
    return f"[{word}] {alert.title[:TITLE]}", "\n".join(line for line in lines if line)


def digest(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Title and body of one message about many alerts."""
    kinds = Counter(alert.kind for alert in alerts)
    shown = [message(alert, "opened")[0] for alert in alerts[:10]]
    more = [f"… and {len(alerts) - 10} more: sentiment alerts list"] if len(alerts) > 10 else []
    kinds_text = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"[{worst(alerts).upper()}] {len(alerts)} alerts: {kinds_text}", "\n".join(shown + more)


def worst(alerts: Sequence[Alert]) -> Severity:
    """The highest severity among the alerts."""
    return max((alert.severity for alert in alerts), key=ORDER.__getitem__)


def send(receiver: Receiver, title: str, body: str, severity: str) -> None:
    """Send one message. Raises ConnectionError when the receiver does not accept it, MissingExtra without apprise."""
    try:
        import apprise
    except ImportError as error:
        raise MissingExtra(what="Sending alerts", package="apprise", extra="alerts") from error
    kinds = {"info": apprise.NotifyType.INFO, "warning": apprise.NotifyType.WARNING}
    channel = apprise.Apprise()
    if not channel.add(receiver.url.get_secret_value()):
        raise ConnectionError("Apprise does not know this kind of URL")
    if not channel.notify(title=title, body=body, notify_type=kinds.get(severity, apprise.NotifyType.FAILURE)):
        raise ConnectionError("the receiver did not accept the message")
