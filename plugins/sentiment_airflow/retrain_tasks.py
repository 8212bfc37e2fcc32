"""Tasks of the DAG `retrain`: what each step needs from Airflow's context, and what goes into XCom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import task

from sentiment_airflow.assets import CHAMPION
from sentiment_airflow.notifiers import FamilyRecovery
from sentiment_airflow.run_people import find_people
from sentiment_airflow.run_step import run_key, run_step, to_xcom
from sentiment_lib import clock

Json = dict[str, Any]
#: Airflow's run type of a backfill.
BACKFILL = "backfill"
#: Decisions of one group; Airflow passes the bare value when only one family succeeded, and None when none did.
Decisions = Sequence[Json] | Json | None


@task
def claim_requests(dag_run: Any, params: Json) -> list[Json]:
    """Claim the open retrain requests, so that no other run handles them; skip when no rule wants a retrain.

    A backfill trains once, for its newest day: a training uses the labels of now, whatever day its run is for.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    from sentiment_lib.steps.training import request_retrain

    backfill = dag_run.run_type == BACKFILL
    if backfill and dag_run.logical_date < clock.now() - timedelta(days=1):
        raise AirflowSkipException("a past day has nothing to catch up on: a training uses the labels of now")

    requests = run_step(
        request_retrain.claim_requests,
        run_id=run_key(dag_run),
        otherwise=request_retrain.PERSON if dag_run.triggering_user_name and not backfill else request_retrain.CALENDAR,
        families=params["families"],
    )
    if not requests:
        raise AirflowSkipException("no rule requests a retrain, and too few labels are new, or too few that may judge")
    return [to_xcom(request) for request in requests]


@task
def snapshot() -> int:
    """Id of a new snapshot; skip the run, instead of failing it, when there are too few labels."""
    from airflow.sdk.exceptions import AirflowSkipException

    from sentiment_lib.errors import NotEnoughLabels
    from sentiment_lib.steps.training import snapshot

    try:
        return run_step(snapshot.run).snapshot_id
    except NotEnoughLabels as error:
        raise AirflowSkipException(str(error)) from error


@task
def plan_training(snapshot_id: int, params: Json) -> list[Json]:
    """One training order for each family that does not fine-tune a network."""
    return _orders(snapshot_id, params, fine_tuned=False)


@task
def plan_fine_tuning(snapshot_id: int, params: Json) -> list[Json]:
    """One training order for each family that fine-tunes a network."""
    return _orders(snapshot_id, params, fine_tuned=True)


# two trainings at once at most, whatever the pool's slots: more would oversubscribe a small machine
@task(max_active_tis_per_dag=2, on_success_callback=FamilyRecovery())
def train(order: Json, dag_run: Any) -> Json:
    """Train one family; a retry of the same run finds the registered candidate instead of training again."""
    from sentiment_lib.steps.training import train
    from sentiment_lib.training_record import TrainingOrder

    run_started_at: datetime = dag_run.start_date
    version = run_step(
        train.run,
        TrainingOrder(
            snapshot_id=order["snapshot_id"],
            family=order["family"],
            seed=order["seed"],
            run_key=f"{run_key(dag_run)}/{order['family']}",
            run_started_at=run_started_at,
        ),
    )
    return {"snapshot_id": order["snapshot_id"], "candidate": version.version, "family": version.family}


@task(on_success_callback=FamilyRecovery())
def evaluate(candidate: Json, dag_run: Any, params: Json) -> Json:
    """The gate's decision on one candidate; the families of the run share one look at the holdout."""
    from sentiment_lib.steps.decisions import evaluate

    decision = run_step(
        evaluate.run,
        snapshot_id=candidate["snapshot_id"],
        candidate=candidate["candidate"],
        requested_by=run_key(dag_run),
        candidates=len(params["families"]),
    )
    return to_xcom(decision, "decision_id", "verdict", "candidate_version", "evidence_hash")


@task(trigger_rule="all_done")  # a group without orders is skipped, and a family may fail
def decision_ids(classical: Decisions, fine_tuned: Decisions) -> list[int]:
    """Ids of the decisions on the families that succeeded."""
    groups = [[group] if isinstance(group, Mapping) else group or [] for group in (classical, fine_tuned)]
    return [decision["decision_id"] for group in groups for decision in group]


@task.short_circuit
def request_approval(decision_ids: Sequence[int], dag_run: Any) -> Json | None:
    """The approval request for the best PROMOTE, None without one; cancels the requests that it supersedes."""
    from airflow.sdk.exceptions import AirflowFailException

    from sentiment_airflow.stale_approvals import cancel_stale
    from sentiment_lib.steps.decisions import request_approval

    if not decision_ids:
        raise AirflowFailException("every family failed: see the log of each training")
    request = run_step(
        request_approval.run,
        decision_ids=list(decision_ids),
        requested_by=run_key(dag_run),
        people=find_people(dag_run),
    )
    if request is None:
        return None
    cancel_stale(request.superseded)
    return to_xcom(request, "decision_id", "candidate_version", "evidence_hash")


@task.short_circuit(trigger_rule="none_failed")
def check_approval(dag_run: Any) -> int | None:
    """Id of the approved decision, as the database says; None, which ends the run, without one.

    An approval that ended without an answer is void and raises a critical alert, whatever its task says.
    """
    from sentiment_lib.steps.decisions import check_approval

    return run_step(check_approval.run, requested_by=run_key(dag_run))


@task(outlets=[CHAMPION])
def promote(dag_run: Any) -> Json:
    """The deployment; refused when the champion is no longer the version that was compared."""
    from airflow.sdk.exceptions import AirflowFailException

    from sentiment_lib.steps.decisions import check_approval
    from sentiment_lib.steps.deployment import promote

    decision_id = run_step(check_approval.run, requested_by=run_key(dag_run))
    if decision_id is None:
        raise AirflowFailException("there is no approval: the state of the task before was changed by hand")
    return to_xcom(run_step(promote.run, decision_id=decision_id))


def _orders(snapshot_id: int, params: Json, *, fine_tuned: bool) -> list[Json]:
    from sentiment_lib.steps.training import family_selection

    orders = run_step(
        family_selection.plan_trainings,
        snapshot_id=snapshot_id,
        families=params["families"],
        seed=params["seed"],
        fine_tuned=fine_tuned,
    )
    return [to_xcom(order) for order in orders]
