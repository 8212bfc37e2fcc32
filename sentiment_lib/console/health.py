"""Health of the loop in one strip: champion, quality, drift, alerts, labels, and whether a stage is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sentiment_lib import clock
from sentiment_lib.alerts import budget_text
from sentiment_lib.errors import BadInput
from sentiment_lib.evaluation.evidence_record import Evidence
from sentiment_lib.pages import formatting
from sentiment_lib.policy import Policy
from sentiment_lib.steps.decisions import watch_power
from sentiment_lib.steps.operations.catch_up import UNDONE
from sentiment_lib.steps.scoring.shadow import WATCHED
from sentiment_lib.storage import (
    alerts,
    backups,
    budgets,
    daily_quality,
    decisions,
    deployments,
    drift_reports,
    label_counts,
    model_versions,
    overdue_work,
    stage_times,
)
from sentiment_lib.storage.deployments import CompletedMove


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """A stage, the time of its newest result, and what it should keep; `late` is None where nothing is due."""

    stage: str
    at: datetime | None
    deadline: str
    late: bool | None


def view(connection: Connection, policy: Policy) -> dict[str, Any]:
    """Template values of the strip."""
    champion = model_versions.champion(connection)
    version = champion.version if champion else None
    move = deployments.last_move(connection)
    return {
        "champion": champion,
        "since": move,
        "watch": _watch(connection, policy, move),
        "quality": daily_quality.newest(connection, version) if version else None,
        "drift": next(iter(drift_reports.newest_reports(connection, limit=1)), None),
        "alerts": alerts.list_alerts(connection),
        "to_label": label_counts.audit_waiting(connection),
        "overdue": [
            f"{one.count:,} {UNDONE[one.stage]} since {one.since:%Y-%m-%d %H:%M} UTC"
            for one in overdue_work.find(connection, policy.deadlines, clock.now())
        ],
        "backup": next(iter(backups.newest(connection)), None),
        "budgets": [
            (one, budget_text.use(one), budget_text.outlook(one), budget_text.sampling(one, policy.drift))
            for one in budgets.of_month(connection, policy.budget, clock.now())
        ],
        "stages": freshness(stage_times.stage_times(connection, version), policy, clock.now()),
    }


def _watch(connection: Connection, policy: Policy, move: CompletedMove | None) -> str | None:
    """How long the promotion watch needs; None when no promotion is watched."""
    if move is None or move.decision_id is None or move.kind not in WATCHED:
        return None
    if clock.now() > move.finished_at + policy.promotion_watch.period:
        return None
    try:
        evidence = Evidence.from_json(decisions.full_record(connection, move.decision_id).evidence)
    except BadInput:
        return None  # changed evidence: `verify` and the decision's page report it
    return watch_power.run(connection, evidence, policy.promotion_watch)


def freshness(stages: list[stage_times.StageTime], policy: Policy, now: datetime) -> list[Freshness]:
    """Each stage against its deadline. Training and deciding have none: they run when a rule requests a retrain."""
    at = {stage.stage: stage.at for stage in stages}
    ingest, score, drift = at["ingest"], at["score"], at["check drift"]
    silence = policy.alerts.no_tweets_after
    scored_within, checked_within = policy.deadlines.score, policy.deadlines.check_drift
    due = {
        "ingest": (f"every {formatting.duration(silence.total_seconds())}", ingest and now - ingest > silence),
        "score": (
            f"{formatting.duration(scored_within.total_seconds())} after new tweets",
            ingest and now - ingest > scored_within and (score is None or score < ingest - scored_within),
        ),
        "check drift": (
            f"{formatting.duration(checked_within.total_seconds())} after new predictions",
            score and now - score > checked_within and (drift is None or drift < score - checked_within),
        ),
    }
    return [
        Freshness(
            stage=stage.stage,
            at=stage.at,
            deadline=due[stage.stage][0] if stage.stage in due else "when a rule requests a retrain",
            late=bool(due[stage.stage][1]) if stage.stage in due and stage.at else None,
        )
        for stage in stages
    ]
