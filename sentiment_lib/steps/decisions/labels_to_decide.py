"""How many more labels the gate needs before it can decide a gain of some size, at the present rate of labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.policy import Policy
from sentiment_lib.storage import decisions, holdout_looks, labels

#: Period over which the rate of labels is measured.
RATE_PERIOD = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class NeededLabels:
    """Rows and labels until a gain is decided in 4 of 5 cases."""

    #: such as "+2 points"
    gain: str
    #: holdout rows that decide it
    rows: int
    #: labels to come; 0 when there are enough
    labels: int
    #: at the rate of the last days; None when none came
    days: float | None


@dataclass(frozen=True, kw_only=True)
class LabelsToDecide:
    """What the next look has, and what it needs for each gain."""

    #: decision whose evidence says how much rows vary, and at which level
    decision_id: int
    metric: str
    #: judged rows that the next holdout is expected to have
    rows: int
    labels_per_day: float
    gains: tuple[NeededLabels, ...]


def run(connection: Connection, policy: Policy, *, at: datetime | None = None) -> LabelsToDecide | None:
    """From the best candidate of the newest request; None without one. Raises BadInput for unreadable evidence.

    A snapshot holds out a share of its rows, so of the labels to come only this share is expected to judge.
    """
    newest = decisions.newest(connection, 1)
    if not newest:
        return None
    request = decisions.full_record(connection, newest[0].decision_id).requested_by
    found = {
        decision_id: Evidence.from_json(decisions.full_record(connection, decision_id).evidence)
        for decision_id in decisions.ids_of_request(connection, request)
    }
    best = max(found, key=lambda decision_id: found[decision_id].comparison.main.difference)
    evidence = found[best]
    now, share = at or clock.now(), policy.snapshot.holdout_share
    per_day = labels.count_judging_since(connection, now - RATE_PERIOD) / (RATE_PERIOD / timedelta(days=1))
    last = holdout_looks.last_snapshot(connection)
    since = labels.count_judging_since(connection, last.created_at) if last else 0
    rows = evidence.rows + round(share * since)
    gains = []
    for name, needed in evidence.comparison.labels_needed.items():
        if needed is not None and name != "observed":
            missing = round(max(needed - rows, 0) / share)
            days = missing / per_day if per_day else None
            gains.append(NeededLabels(gain=name, rows=needed, labels=missing, days=days if missing else 0.0))
    return LabelsToDecide(
        decision_id=best,
        metric=evidence.metric,
        rows=rows,
        labels_per_day=per_day,
        gains=tuple(gains),
    )
