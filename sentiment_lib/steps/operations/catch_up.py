"""Nothing is missed: prove that each stage did its work within its deadline, and do what was left undone.

Airflow's asset events get lost (apache/airflow#56050, #56750, #54659), and runs fail. The database knows what is
undone: tweets without prediction, scored windows without drift check, retrain requests that no run claimed, approvals
that led to no deployment. What is overdue is done here, and an alert says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sentiment_lib import clock
from sentiment_lib.errors import SentimentError
from sentiment_lib.records import Severity
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.monitoring import check_drift
from sentiment_lib.steps.operations import start_dag
from sentiment_lib.steps.scoring import score
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage import overdue_work
from sentiment_lib.storage.alerts import open_alert, open_keys, resolve_by_key
from sentiment_lib.storage.engine import Store
from sentiment_lib.storage.overdue_work import Overdue

log = logging.getLogger(__name__)

KIND = "missed_work"
#: What was undone, by stage, for people.
UNDONE = {
    "score": "tweets without a prediction",
    "check_drift": "scored windows without a drift check",
    "retrain": "retrain requests that no run has claimed",
    "promote": "approvals without a deployment",
}


@dataclass(frozen=True, kw_only=True)
class CatchUpResult:
    """What was overdue, and what of it could not be done; both are empty when nothing was missed."""

    overdue: tuple[Overdue, ...]
    #: stage -> problem
    failed: Mapping[str, str]


def run(store: Store, settings: Settings, *, at: datetime | None = None) -> CatchUpResult:
    """Do what is overdue at `at` (default: now), stage by stage in the order of the loop. Idempotent.

    A stage that fails does not stop the others; its alert stays open until its work is done.
    """
    now = at or clock.now()
    overdue: list[Overdue] = []
    failed: dict[str, str] = {}
    for stage, query in overdue_work.STAGES.items():
        before = now - getattr(settings.policy.deadlines, stage)
        with store.begin() as connection:
            found = query(connection, before)
        if found is None or (stage == "score" and store.is_in_use("score")):
            continue
        overdue.append(found)
        log.warning("%d %s since %s: doing it now", found.count, UNDONE[stage], found.since)
        try:
            REPAIRS[stage](store, settings, before)
        except SentimentError as error:
            failed[stage] = str(error)
        _report(store, found, failed.get(stage))
    _resolve(store, {one.stage for one in overdue})
    return CatchUpResult(overdue=tuple(overdue), failed=failed)


def _score(store: Store, settings: Settings, _: datetime) -> None:
    score.run(store, settings)


def _check_drift(store: Store, settings: Settings, _: datetime) -> None:
    report = check_drift.run(store, settings)
    if report.wants_retrain:
        request_retrain.request_for_drift(store, settings, report_id=report.report_id)


def _retrain(store: Store, settings: Settings, before: datetime) -> None:
    """Start one run, which claims every open request; named after the newest, so that it is started once."""
    with store.begin() as connection:
        newest = overdue_work.unclaimed_requests(connection, before)[-1]
    start_dag.run(settings, "retrain", run_id=f"catch-up-{newest}", note="its request was not answered in time")


def _promote(store: Store, settings: Settings, before: datetime) -> None:
    with store.begin() as connection:
        approved = overdue_work.undeployed_decisions(connection, before)
    for decision_id in approved:
        promote.run(store, settings, decision_id=decision_id)


REPAIRS: Mapping[str, Callable[[Store, Settings, datetime], None]] = {
    "score": _score,
    "check_drift": _check_drift,
    "retrain": _retrain,
    "promote": _promote,
}


def _report(store: Store, found: Overdue, problem: str | None) -> None:
    outcome = "It was done now: an event of Airflow was lost, or a run failed."
    with store.begin() as connection:
        open_alert(
            connection,
            KIND,
            Severity.WARNING,
            f"{KIND}/{found.stage}",
            f"Overdue: {found.count} {UNDONE[found.stage]} since {found.since:%Y-%m-%d %H:%M} UTC",
            outcome if problem is None else f"It could not be done now: {problem}",
        )


def _resolve(store: Store, stages: set[str]) -> None:
    """Resolve the alerts of stages that have nothing overdue."""
    with store.begin() as connection:
        for key in open_keys(connection, [KIND]):
            if key.removeprefix(f"{KIND}/") not in stages:
                resolve_by_key(connection, key)
