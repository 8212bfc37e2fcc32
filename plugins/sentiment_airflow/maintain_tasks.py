"""Tasks of the DAG `maintain`. A task without an effect is skipped, so that its assets trigger nothing."""

from __future__ import annotations

from typing import Any, NoReturn

from airflow.sdk import task

from sentiment_airflow.assets import CHAMPION, LABELS
from sentiment_airflow.run_step import run_step, to_xcom

Json = dict[str, Any]
#: A failed task must not keep the others from running.
ALWAYS = "all_done"


@task
def reconcile() -> Json:
    """Reconcile the database with the registry, and clean up."""
    from sentiment_lib.steps.operations import reconcile

    return to_xcom(run_step(reconcile.run))


@task(trigger_rule=ALWAYS)
def catch_up() -> Json:
    """Do what a stage of the loop has left undone past its deadline, such as after a lost event."""
    from sentiment_lib.steps.operations import catch_up

    return to_xcom(run_step(catch_up.run))


@task(trigger_rule=ALWAYS)
def score_shadow() -> Json:
    """Score new tweets with the versions that may be compared with the champion."""
    from sentiment_lib.steps.scoring import shadow

    return to_xcom(run_step(shadow.run))


@task(trigger_rule=ALWAYS, outlets=[CHAMPION])
def auto_rollback() -> Json:
    """Roll the last promotion back when the audit labels show harm."""
    from sentiment_lib.steps.operations import auto_rollback

    result = run_step(auto_rollback.run)
    if result is None or result.rollback is None:
        _skip("nothing to roll back")
    return to_xcom(result)


@task(trigger_rule=ALWAYS)
def check_alerts() -> Json:
    """Evaluate the alert rules and deliver pending messages."""
    from sentiment_lib.steps.operations import check_alerts

    return to_xcom(run_step(check_alerts.run))


@task(trigger_rule=ALWAYS)
def check_paused_dags() -> list[str]:
    """Alert of DAGs that somebody paused, and tell the alert process that this DAG still runs."""
    from sentiment_lib.steps.operations import paused_dags

    return list(run_step(paused_dags.run))


@task(trigger_rule=ALWAYS)
def cancel_stale_approvals() -> int:
    """End approvals in the UI that a newer decision superseded or a command answered; returns how many."""
    from sentiment_airflow.stale_approvals import cancel_stale
    from sentiment_lib.steps.decisions import request_approval

    return cancel_stale(run_step(request_approval.closed))


@task(trigger_rule=ALWAYS, outlets=[LABELS])
def count_labels(*, outlet_events: Any) -> Json:
    """Request a retrain by the first of the policy's rules that has a reason, such as enough new labels."""
    from sentiment_lib.steps.training import request_retrain

    request = run_step(request_retrain.request_by_rules)
    if request is None:
        _skip("no rule requests a retrain, or one is requested already")
    outlet_events[LABELS].extra = {"request_id": request.request_id}
    return to_xcom(request)


@task(trigger_rule=ALWAYS, outlets=[LABELS])
def check_champion(*, outlet_events: Any) -> Json:
    """Request a retrain when the audit labels show that the champion has declined since its promotion."""
    from sentiment_lib.steps.monitoring import champion_decline

    result = run_step(champion_decline.run)
    if result is None or result.retrain_request is None:
        _skip("the champion has not declined, or a retrain is requested already")
    outlet_events[LABELS].extra = {"request_id": result.retrain_request.request_id}
    return to_xcom(result)


def _skip(reason: str) -> NoReturn:
    from airflow.sdk.exceptions import AirflowSkipException

    raise AirflowSkipException(reason)
