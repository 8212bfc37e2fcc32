"""Trains candidates, compares them with the champion, and promotes one when a person approves."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, chain, dag, task_group
from sentiment_airflow import defaults, form_choices, retrain_tasks
from sentiment_airflow.approval_operator import ApprovalRequestOperator
from sentiment_airflow.assets import DRIFT, LABELS

POLICY = defaults.policy()
SEARCH_MINUTES = POLICY.retrain.search_minutes if POLICY.retrain.search_trials else 0
#: The step stops a training by itself. This limit is for one that hangs; 20 minutes are for metrics and registration.
TRAINING_TIMEOUT = timedelta(minutes=POLICY.retrain.train_minutes + SEARCH_MINUTES + 20)
REASON = "Your reason, recorded with the response."


@dag(
    description="Train, evaluate, ask a person for approval, promote",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 3 * * *", timezone="UTC"), assets=DRIFT | LABELS),
    start_date=datetime(2026, 1, 1),
    max_active_runs=16,  # a run that awaits its approval must never block the next one
    dagrun_timeout=POLICY.approval.expires_after + timedelta(minutes=POLICY.retrain.budget_minutes, hours=2),
    tags=["sentiment", "model"],
    params={
        "families": form_choices.families(),
        "seed": Param(0, type="integer", minimum=0, description="random seed of the trainings"),
    },
    doc_md=str(Path(__file__).with_suffix(".md")),
    **defaults.DAG,
)
def retrain() -> None:
    # Two groups, because a pool is fixed for every mapped instance of a task.
    @task_group
    def classical(order: dict[str, Any]) -> Any:
        """Train and evaluate one family; the others continue when it fails."""
        train = retrain_tasks.train.override(pool=POLICY.retrain.pool, execution_timeout=TRAINING_TIMEOUT)
        return retrain_tasks.evaluate(train(order))

    @task_group
    def fine_tuned(order: dict[str, Any]) -> Any:
        """Train and evaluate one family that fine-tunes a network."""
        train = retrain_tasks.train.override(pool=POLICY.retrain.fine_tuning_pool, execution_timeout=TRAINING_TIMEOUT)
        return retrain_tasks.evaluate(train(order))

    requests = retrain_tasks.claim_requests()
    snapshot = retrain_tasks.snapshot()
    classical_decisions = classical.expand(order=retrain_tasks.plan_training(snapshot))
    fine_tuned_decisions = fine_tuned.expand(order=retrain_tasks.plan_fine_tuning(snapshot))
    request = retrain_tasks.request_approval(retrain_tasks.decision_ids(classical_decisions, fine_tuned_decisions))
    approvals = [
        ApprovalRequestOperator(
            task_id=task_id,
            # the operator replaces both with the request of its run, and the users with those who may still answer
            subject="Promote a new version to champion?",
            body="",
            options=["Promote", "Reject"],
            defaults=["Reject"],  # without an answer in time; recorded as expired, not as a person's rejection
            params={"reason": Param(None, type=["null", "string"], description=REASON)},
            assigned_users=defaults.approvers(),
            response_timeout=POLICY.approval.expires_after,
            execution_timeout=None,
            retry_delay=timedelta(seconds=5),
            doc_md="Waits without occupying a worker. Without an answer in time it expires, and the champion stays.",
        )
        for task_id in defaults.approval_tasks()
    ]

    requests >> snapshot >> request  # decision_ids always runs, so a failed or skipped snapshot must end the run here
    # no XCom between these: users of Airflow may write it
    chain(request, *approvals, retrain_tasks.check_approval(), retrain_tasks.promote())


retrain()
