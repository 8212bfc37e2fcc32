"""Alert rules over backups. An installation that never took one is told by `sentiment doctor` and the overview."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.alerts.rule import Firing, Rule
from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity
from sentiment_lib.storage import backups


def backup_overdue(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """The newest backup is older than the policy allows."""
    for newest in backups.newest(connection):
        if now - newest.as_of > policy.alerts.backup_age:
            yield Firing(
                title=f"No backup since {newest.as_of:%Y-%m-%d %H:%M} UTC",
                body=f"Expected at least one every {policy.alerts.backup_age}. `sentiment backup` takes one.",
            )


def restore_drill_failed(connection: Connection, _: Policy, __: datetime) -> Iterator[Firing]:
    """The last restore drill found the backup unusable."""
    drilled = backups.last_drilled(connection)
    if drilled is not None and drilled.drill_problem is not None:
        yield Firing(
            title=f"The backup {drilled.name} could not be restored and verified",
            body=drilled.drill_problem[:500],
            subject=drilled.name,
        )


RULES = (
    Rule(kind="backup_overdue", severity=Severity.WARNING, check=backup_overdue),
    Rule(kind="restore_drill_failed", severity=Severity.CRITICAL, check=restore_drill_failed),
)
