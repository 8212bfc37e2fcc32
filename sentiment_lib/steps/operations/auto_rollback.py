"""Automatic rollback of a promotion when audit labels show that the new champion is worse than the previous one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.promotion_watch import WORSE, PromotionVerdict, monitor_promotion
from sentiment_lib.records import LABEL_CODES, LABELS, Deployment, Severity
from sentiment_lib.settings import Settings
from sentiment_lib.statistics.label_shift import shift_classes
from sentiment_lib.steps.deployment import rollback
from sentiment_lib.steps.scoring.shadow import WATCHED
from sentiment_lib.storage import decisions, deployments, forged_records, shadow, version_erasures
from sentiment_lib.storage.alerts import NewAlert, open_alert
from sentiment_lib.storage.engine import Store
from sentiment_lib.text.copies import first_of_each

#: Recorded as the actor of an automatic rollback.
ACTOR = "auto_rollback"
#: Kind of the alert.
ALERT = "rolled_back"
#: The newest tweets whose predictions say how the stream's classes are shared, and fewest of them since the promotion
#: before which those of the days before it say so.
STREAM_ROWS, STREAM_ENOUGH, STREAM_PERIOD = 10_000, 500, timedelta(days=28)


@dataclass(frozen=True, kw_only=True)
class AutoRollbackResult:
    """The champion compared with the previous one on audit labels; `rollback` is None when nothing was done."""

    champion: int
    previous: int
    verdict: PromotionVerdict
    rollback: Deployment | None


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> AutoRollbackResult | None:
    """Test the last promotion, and roll it back when the champion is worse; None when no promotion is under watch.

    Each call tests all labels since the promotion, in order of arrival and each distinct text once, so a killed run is
    simply repeated. A champion without a decision is not tested: its metric needs the confusion matrix of a holdout,
    which is carried over to the class shares of the stream.
    """
    moment, policy = at or clock.now(), settings.policy.promotion_watch
    with store.begin() as connection:
        move = deployments.last_move(connection)
        if move is None or move.kind not in WATCHED or move.from_version is None or move.decision_id is None:
            return None
        if moment > move.finished_at + policy.period:
            return None
    forged_records.require_recorded(store, "decision", move.decision_id)
    with store.begin() as connection:
        decision = decisions.full_record(connection, move.decision_id)
        champion, previous = move.to_version, move.from_version
        rows = shadow.labelled(
            connection,
            champion=champion,
            previous=previous,
            since=move.finished_at,
            auditors=settings.policy.label.auditors,
        )
        stream = _stream(connection, previous, move.finished_at, moment)
    rows = [row for row, first in zip(rows, first_of_each([row["text"] for row in rows]), strict=True) if first]
    evidence = Evidence.from_json(decision.evidence)
    verdict = monitor_promotion(
        [LABEL_CODES[row["label"]] for row in rows],
        [LABEL_CODES[row["previous"]] for row in rows],
        [LABEL_CODES[row["champion"]] for row in rows],
        reference=shift_classes(evidence.champion_confusion, stream),
        policy=policy,
        metric=evidence.metric,
        inclusion=[row["inclusion_probability"] for row in rows],
    )
    deployment = None
    if verdict.verdict == WORSE:
        reason = (
            f"version {champion} is worse than version {previous} by {100 * verdict.loss:.1f} points of "
            f"{verdict.metric} ({100 * verdict.low:.1f} to {100 * verdict.high:.1f}) on {verdict.labels} audit labels"
        )
        with store.begin() as connection:
            forgotten = bool(version_erasures.named(connection, [previous]))
        done = "cannot be rolled back" if forgotten else "was rolled back"
        why = f" Version {previous} learned from tweets that were forgotten." if forgotten else ""
        alert = NewAlert(
            kind=ALERT,
            severity=Severity.CRITICAL,
            dedup_key=f"{ALERT}/{move.deployment_id}",
            title=f"Version {champion} {done} to version {previous}",
            body=f"On tweets since its promotion, {reason}.{why}",
            evidence_link=f"/sentiment/decisions/{move.decision_id}",
        )
        if forgotten:
            with store.begin() as connection:
                open_alert(connection, **vars(alert))
        else:
            deployment = rollback.run(store, settings, to_version=previous, reason=reason, by=ACTOR, alert=alert)
    return AutoRollbackResult(champion=champion, previous=previous, verdict=verdict, rollback=deployment)


def _stream(connection: Connection, previous: int, promoted_at: datetime, moment: datetime) -> list[int]:
    """Tweets of which the previous champion predicted each class: since the promotion, or before it while they are few.

    It scores a random share of the stream in shadow. No label is looked at, so the weights of errors stay independent
    of them.
    """
    for since, until in ((promoted_at, moment), (promoted_at - STREAM_PERIOD, promoted_at)):
        found = shadow.predicted_classes(connection, previous, since=since, until=until, rows=STREAM_ROWS)
        if sum(found.values()) >= STREAM_ENOUGH:
            break
    return [found.get(label, 0) for label in LABELS]
