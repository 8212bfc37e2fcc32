"""Callbacks of tasks: deliver alerts at once, and open an alert for a task that has failed for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseNotifier


class AlertDelivery(BaseNotifier):
    """Delivers pending alerts now instead of at the next run of `maintain`."""

    def notify(self, context: Mapping[str, Any]) -> None:  # noqa: ARG002 - Airflow's signature
        """Deliver; a channel or database that is down is logged, because the task itself has ended well."""
        try:
            deliver()
        except Exception:
            self.log.exception("Pending alerts could not be delivered")


class FailureNotice(BaseNotifier):
    """Opens the alert of a task that has failed for good, and delivers it."""

    template_fields = ("title", "body")

    def __init__(self) -> None:
        super().__init__()
        self.title = "{{ dag.dag_id }}.{{ ti.task_id }} failed"
        self.body = "Run {{ run_id }}, try {{ ti.try_number }}: {{ exception | default('the process was lost', true) }}"

    def notify(self, context: Mapping[str, Any]) -> None:
        """Store the alert and deliver it; send it directly when the database itself is down."""
        from sentiment_airflow.dag_alerts import open_task_alert, send_directly

        self.log.warning("%s: %s", self.title, self.body)
        try:
            open_task_alert(context["dag"].dag_id, context["ti"], context["run_id"], self.title, self.body)
            deliver()
        except Exception:
            self.log.exception("The alert could not be stored or delivered, so it is sent directly")
            try:
                send_directly(self.title, self.body)
            except Exception:
                self.log.exception("The alert %r could not be sent", self.title)


class FamilyRecovery(BaseNotifier):
    """Resolves the alert of an earlier failure of this task for the same family."""

    def notify(self, context: Mapping[str, Any]) -> None:
        """Resolve; a database that is down is logged, because the task itself has ended well."""
        from sentiment_airflow.dag_alerts import resolve_task_alert

        try:
            resolve_task_alert(context["dag"].dag_id, context["ti"])
        except Exception:
            self.log.exception("The alert of this family could not be resolved")


def deliver() -> None:
    """One round of delivery to every receiver."""
    from sentiment_airflow.run_step import run_step
    from sentiment_lib.steps.operations import check_alerts

    run_step(check_alerts.deliver)
