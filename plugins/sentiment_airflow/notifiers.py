"""Notices: a line in the log, and a message to SENTIMENT_ALERT_URLS (Apprise) when some are set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseNotifier


class Notice(BaseNotifier):
    """Tells people `title` and `body` (both templates)."""

    template_fields = ("title", "body")

    def __init__(self, title: str, body: str = "", severity: str = "warning") -> None:
        super().__init__()
        self.title = title
        self.body = body
        self.severity = severity

    def notify(self, context: Mapping[str, Any]) -> None:
        """Log and send; a message that cannot be sent is logged, for the task's own end matters more."""
        self.log.warning("%s: %s", self.title, self.body)
        try:
            send(self.title, self.body, self.severity)
        except Exception:
            self.log.exception("The notice %r could not be sent", self.title)


class FailureNotice(Notice):
    """Tells people that a task has failed for good."""

    def __init__(self) -> None:
        super().__init__(
            title="{{ dag.dag_id }}.{{ ti.task_id }} failed",
            body="Run {{ run_id }}, try {{ ti.try_number }}: {{ exception | default('the process was lost', true) }}",
            severity="critical",
        )


def send(title: str, body: str, severity: str) -> int:
    """Send to every configured Apprise URL; gives the number of URLs, 0 when none is set."""
    from sentiment_lib.settings import load_settings

    urls = [url.strip() for url in load_settings().alert_urls.get_secret_value().split(",") if url.strip()]
    if not urls:
        return 0
    import apprise

    kinds = {"info": apprise.NotifyType.INFO, "warning": apprise.NotifyType.WARNING}
    channel = apprise.Apprise()
    for url in urls:
        channel.add(url)
    if not channel.notify(title=title, body=body or title, notify_type=kinds.get(severity, apprise.NotifyType.FAILURE)):
        raise ConnectionError("at least one alert URL did not take the message")
    return len(urls)
