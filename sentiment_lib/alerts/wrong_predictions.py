"""A burst of wrong predictions, by airline and overall: people corrected the champion several times within minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.alerts.operational_rules import Finding
from sentiment_lib.policy import AlertPolicy
from sentiment_lib.storage import feedback

KIND = "wrong_predictions"
OVERALL = "all airlines"


def findings(connection: Connection, policy: AlertPolicy, now: datetime) -> Iterator[Finding]:
    """One finding for each airline, and one overall, with a burst that ended within the last span."""
    for burst in feedback.wrong_prediction_bursts(
        connection, now, within=policy.wrong_within, least=policy.wrong_predictions
    ):
        group = burst.airline or OVERALL
        yield Finding(
            kind=KIND,
            severity="critical",
            dedup_key=f"{KIND}/{group}",
            title=f"{burst.wrong} wrong predictions in minutes: {group}",
            body="\n".join(burst.examples),
        )
