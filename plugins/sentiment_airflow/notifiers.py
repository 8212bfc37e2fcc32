"""Notices: a line in Airflow's log, and what waits in the alerts' outbox goes out at once (Apprise)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseNotifier


class Notice(BaseNotifier):
    """Logs `title` and `body` (both templates) and delivers the alerts that a step has opened."""

    template_fields = ("title", "body")

    def __init__(self, title: str, body: str = "") -> None:
        super().__init__()
        self.title = title
        self.body = body

    def notify(self, context: Mapping[str, Any]) -> None:
        """A channel or database that is away is logged: the task's own end matters more."""
        self.log.warning("%s: %s", self.title, self.body)
        try:
            self.tell(context)
        except Exception:
            self.log.exception("The notice %r could not be delivered", self.title)

    def tell(self, context: Mapping[str, Any]) -> None:
        """Deliver the outbox now instead of at the next maintain."""
        from sentiment_airflow.run_step import call

        call("operations.check_alerts", "deliver")


class FailureNotice(Notice):
    """Opens the alert of a task that has failed for good; a failed run counts up the same alert."""

    def __init__(self) -> None:
        super().__init__(
            title="{{ dag.dag_id }}.{{ ti.task_id }} failed",
            body="Run {{ run_id }}, try {{ ti.try_number }}: {{ exception | default('the process was lost', true) }}",
        )

    def tell(self, context: Mapping[str, Any]) -> None:
        """Through the outbox; straight to the receivers when the database is what has failed."""
        from sentiment_airflow.dag_alerts import opened, send_directly

        dag_id, run_id = context["dag"].dag_id, context["run_id"]
        try:
            opened(dag_id, run_id, self.title, self.body)
            super().tell(context)
        except Exception:
            self.log.exception("The alert could not be stored, so it is sent directly")
            send_directly(self.title, self.body)
