"""What each retrain was asked for, what it cost and what it brought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sentiment_lib.errors import BadInput
from sentiment_lib.policy import Policy, PricePolicy
from sentiment_lib.steps.decisions import outcome
from sentiment_lib.steps.decisions.outcome import Outcome
from sentiment_lib.storage import decisions, retrain_history
from sentiment_lib.storage.retrain_history import ClaimedRequest, TrainedCandidate

#: Seconds of an hour.
HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Training:
    """A trained candidate with what followed its decision; None where the evidence cannot be read."""

    candidate: TrainedCandidate
    outcome: Outcome | None


@dataclass(frozen=True, kw_only=True)
class Retrain:
    """A run: the requests behind it, its trainings, and the labels that came since the snapshot before."""

    run_id: str
    at: datetime
    requests: tuple[ClaimedRequest, ...]
    trainings: tuple[Training, ...]
    new_labels: int

    @property
    def seconds(self) -> float:
        """Duration of its trainings."""
        return sum(training.candidate.train_seconds or 0.0 for training in self.trainings)

    @property
    def promoted(self) -> Training | None:
        """The training whose candidate became champion; None without one."""
        return next((one for one in self.trainings if one.outcome and one.outcome.is_promoted), None)

    @property
    def best(self) -> Training | None:
        """The promoted training, else the one with the largest gain on the holdout; None without one."""
        known = [one for one in self.trainings if one.outcome]
        return self.promoted or max(
            known, key=lambda one: one.outcome.promised.estimate if one.outcome else 0.0, default=None
        )

    def price(self, prices: PricePolicy) -> float:
        """Cost of trainings and labels, in units of the price policy."""
        return prices.training_hour * self.seconds / HOUR + prices.label * self.new_labels


def run(connection: Connection, policy: Policy, limit: int) -> list[Retrain]:
    """Retrains with the newest `limit` decisions, and those that ended without one, newest first."""
    candidates = retrain_history.newest_candidates(connection, limit)
    requests = retrain_history.newest_requests(connection, limit)
    oldest = min((candidate.decided_at for candidate in candidates), default=None)
    by_run: dict[str, list[TrainedCandidate]] = {}
    for candidate in candidates:
        by_run.setdefault(candidate.run_id, []).append(candidate)
    for request in requests:
        if oldest is None or request.requested_at >= oldest:
            by_run.setdefault(request.run_id, [])
    counted = {
        row.snapshot_id: row.new_labels
        for row in retrain_history.new_labels(connection, sorted({one.snapshot_id for one in candidates}))
    }
    retrains = []
    # oldest first: a later run on the same snapshot uses no new labels
    for run_id, trained in reversed(by_run.items()):
        asked = tuple(request for request in requests if request.run_id == run_id)
        retrains.append(
            Retrain(
                run_id=run_id,
                at=max([one.decided_at for one in trained] or [request.requested_at for request in asked]),
                requests=asked,
                trainings=tuple(
                    Training(candidate=one, outcome=_outcome(connection, one.decision_id, policy)) for one in trained
                ),
                new_labels=sum(counted.pop(snapshot_id, 0) for snapshot_id in {one.snapshot_id for one in trained}),
            )
        )
    return sorted(retrains, key=lambda retrain: retrain.at, reverse=True)


def _outcome(connection: Connection, decision_id: int, policy: Policy) -> Outcome | None:
    try:
        return outcome.run(connection, decisions.full_record(connection, decision_id), policy)
    except BadInput:
        return None  # changed evidence: `verify` and the decision's page report it
