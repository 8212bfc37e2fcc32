"""An alert rule: the kind and severity of its alerts, and the check that fires them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An alert that fires now. Findings with one `dedup_key` are one alert."""

    kind: str
    severity: Severity
    dedup_key: str
    title: str
    body: str = ""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule over the database; its alert is resolved once it no longer fires."""

    #: also the heading of its section in the runbook
    kind: str
    severity: Severity
    check: Callable[[Connection, Policy, datetime], Iterable[Firing]]

    def findings(self, connection: Connection, policy: Policy, now: datetime) -> Iterator[Finding]:
        """The alerts of this rule at `now`."""
        for firing in self.check(connection, policy, now):
            yield Finding(
                kind=self.kind,
                severity=self.severity,
                dedup_key=f"{self.kind}/{firing.subject}" if firing.subject else self.kind,
                title=firing.title,
                body=firing.body,
            )


@dataclass(frozen=True, kw_only=True)
class Firing:
    """What a check reports; `subject` tells alerts of one rule apart."""

    title: str
    body: str = ""
    subject: str = ""
