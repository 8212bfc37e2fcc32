"""After a promotion: is the new champion worse than the one before it? Then it is rolled back, and people are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.evaluation.promotion_watch import WORSE, PromotionVerdict, monitor_promotion
from sentiment_lib.records import LABELS, Deployment, Severity
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import rollback
from sentiment_lib.steps.scoring.shadow import WATCHED
from sentiment_lib.storage import decisions, deployments, shadow
from sentiment_lib.storage.alerts import open_alert
from sentiment_lib.storage.engine import Store

#: Who moved the champion back when no person did.
BY = "guard"
ALERT = "rolled_back"


@dataclass(frozen=True, kw_only=True)
class GuardResult:
    """What the audit labels say of the champion against the one before it."""

    champion: int
    previous: int
    verdict: PromotionVerdict
    rollback: Deployment | None


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> GuardResult | None:
    """Judge the last promotion, and roll it back when it made things worse; None when no promotion is watched.

    Every label since the promotion is judged anew each time, so a killed run is just run again. A champion that was
    adopted without a decision is not judged: there is no holdout to say what each kind of mistake weighs.
    """
    moment, policy = at or datetime.now(UTC), settings.policy.promotion_watch
    with store.begin() as connection:
        move = deployments.last_move(connection)
        if move is None or move["kind"] not in WATCHED or None in (move["from_version"], move["decision_id"]):
            return None
        if moment > move["finished_at"] + policy.period:
            return None
        decision = decisions.full_record(connection, move["decision_id"])
        champion, previous = move["to_version"], move["from_version"]
        rows = shadow.labelled(connection, champion=champion, previous=previous, since=move["finished_at"])
    evidence = Evidence.from_json(decision.evidence)
    place = {str(label): number for number, label in enumerate(LABELS)}
    verdict = monitor_promotion(
        [place[row["label"]] for row in rows],
        [place[row["previous"]] for row in rows],
        [place[row["champion"]] for row in rows],
        reference=evidence.champion_confusion,
        policy=policy,
        metric=evidence.metric,
        inclusion=[row["inclusion_probability"] for row in rows],
    )
    moved = None
    if verdict.verdict == WORSE:
        words = (
            f"version {champion} is worse than version {previous} by {100 * verdict.loss:.1f} points of "
            f"{verdict.metric} ({100 * verdict.low:.1f} to {100 * verdict.high:.1f}) on {verdict.labels} audit labels"
        )
        with store.begin() as connection:
            open_alert(
                connection,
                kind=ALERT,
                severity=Severity.CRITICAL,
                dedup_key=f"{ALERT}/{move['deployment_id']}",
                title=f"Version {champion} is rolled back to version {previous}",
                body=f"Of the tweets since its promotion: {words}.",
                evidence_link=f"/sentiment/decisions/{move['decision_id']}",
            )
        moved = rollback.run(store, settings, to_version=previous, reason=words, by=BY)
    return GuardResult(champion=champion, previous=previous, verdict=verdict, rollback=moved)
