"""How long the promotion watch needs to notice a loss, at the rate of labels of the last days."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.sample_size import labels_to_rollback
from sentiment_lib.policy import PromotionWatchPolicy
from sentiment_lib.storage import label_counts

#: Losses of the main metric that the sentence is about.
LOSSES = (0.02, 0.05)


def run(connection: Connection, evidence: Evidence, policy: PromotionWatchPolicy, *, at: datetime | None = None) -> str:
    """A sentence: labels and days until a loss of 2 and of 5 points is rolled back in 4 of 5 promotions."""
    days = policy.period.total_seconds() / 86_400
    rate = label_counts.audit_labelled(connection, (at or clock.now()) - policy.period) / days
    deviation = evidence.comparison.main.row_deviation
    parts = []
    for loss in LOSSES:
        labels = labels_to_rollback(loss, deviation, error_budget=policy.error_budget)
        if labels is None:
            continue
        if labels > policy.enough_labels:
            when = f"is beyond its {policy.enough_labels:,} labels"
        elif not rate:
            when = f"takes about {labels:,} audit labels, and none came lately"
        else:
            when = f"takes about {labels:,} audit labels, {labels / rate:,.0f} days of labelling"
        parts.append(f"a loss of {100 * loss:.0f} points {when}")
    return f"Promotion watch ({days:.0f} days, {rate:.1f} audit labels a day): {'; '.join(parts)}."
