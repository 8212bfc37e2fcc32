"""Request a retrain when audit labels show that the champion's accuracy declined since its promotion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from sentiment_lib import clock
from sentiment_lib.evaluation.accuracy_decline import AccuracyDecline, PromisedAccuracy, detect_decline
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.policy import GatePolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage import daily_quality, deployments, forged_records, retrain_requests
from sentiment_lib.storage.decisions import full_record
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.retrain_requests import RetrainRequest
from sentiment_lib.text.copies import first_of_each

RULE = "quality"


@dataclass(frozen=True, kw_only=True)
class DeclineResult:
    """The test of the champion's accuracy, and the retrain request made when it declined."""

    champion: int
    verdict: AccuracyDecline
    retrain_request: RetrainRequest | None


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> DeclineResult | None:
    """Test all audit labels since the version became champion or this rule's last request, each distinct text once.

    None for a champion without a promotion decision, which has no baseline accuracy. Idempotent: a killed run is simply
    repeated.
    """
    moment, policy = at or clock.now(), settings.policy.retrain
    with store.begin() as connection:
        move = deployments.last_move(connection)
        if move is None or (promotion := deployments.promotion_of(connection, move.to_version)) is None:
            return None
    forged_records.require_recorded(store, "decision", promotion)
    with store.begin() as connection:
        since = max(move.finished_at, retrain_requests.last_requested_at(connection, RULE) or move.finished_at)
        promised = _promise(full_record(connection, promotion).evidence, settings.policy.gate)
        rows = daily_quality.audited(connection, move.to_version, since, settings.policy.label.auditors)
    rows = [row for row, first in zip(rows, first_of_each([row.text for row in rows]), strict=True) if first]
    verdict = detect_decline(
        [row.predicted_label != row.true_label for row in rows],
        [row.inclusion for row in rows],
        promised=promised,
        drop=policy.quality_drop,
        run_length=policy.quality_run_length,
    )
    retrain_request = None
    if verdict.measured is not None and verdict.crossed_after is not None:
        reason = (
            f"version {move.to_version} was right on {100 * verdict.measured:.1f} % of {verdict.labels} audit "
            f"labels, and on {100 * promised.value:.1f} % of the holdout of its promotion"
        )
        retrain_request = request_retrain.request_retrain(store, settings, rule=RULE, reason=reason, at=moment)
    return DeclineResult(champion=move.to_version, verdict=verdict, retrain_request=retrain_request)


def _promise(text: str, policy: GatePolicy) -> PromisedAccuracy:
    """The promoted candidate's accuracy on the holdout of its decision."""
    evidence = Evidence.from_json(text)
    confusion = evidence.candidate_confusion
    return PromisedAccuracy(
        right=int(np.trace(confusion)),
        rows=int(confusion.sum()),
        share=evidence.budget.share(policy) if evidence.budget else 1.0,
    )
