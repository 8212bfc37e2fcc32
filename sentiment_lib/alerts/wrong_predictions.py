"""Alert rule: a burst of wrong predictions, by airline and overall, from people's corrections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.alerts.rule import Firing, Rule
from sentiment_lib.policy import Policy
from sentiment_lib.records import Severity
from sentiment_lib.storage import feedback

OVERALL = "all airlines"


def wrong_predictions(connection: Connection, policy: Policy, now: datetime) -> Iterator[Firing]:
    """One firing for each airline, and one overall, with a burst that ended within the policy's time window."""
    alerts = policy.alerts
    for burst in feedback.wrong_prediction_bursts(
        connection, now, within=alerts.wrong_within, least=alerts.wrong_predictions
    ):
        group = burst.airline or OVERALL
        yield Firing(
            title=f"{burst.wrong} wrong predictions in minutes: {group}",
            body="\n".join(burst.examples),
            subject=group,
        )


RULE = Rule(kind="wrong_predictions", severity=Severity.CRITICAL, check=wrong_predictions)
