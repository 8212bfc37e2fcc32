"""Who triggered the run of Airflow that asked for a promotion, for decisions whose ledger row does not say it."""

from __future__ import annotations

from datetime import datetime

from sentiment_lib.airflow_client import AirflowClient, run_path
from sentiment_lib.errors import AnswerRefused
from sentiment_lib.settings import Settings, require_identity_settings
from sentiment_lib.steps.decisions import request_approval
from sentiment_lib.steps.operations import run_people
from sentiment_lib.storage import approval_requests, decisions, stack_policy
from sentiment_lib.storage.engine import Store


def ensure_recorded(store: Store, settings: Settings, *, decision_id: int) -> None:
    """Record who triggered the run of this decision, as Airflow says, unless the ledger says it already.

    Decisions that a person asked for on the command line name that person. Raises AnswerRefused when Airflow cannot be
    asked or does not know the run, NotFound for an unknown decision, BadSetting for another Airflow than the stack's.
    """
    with store.begin() as connection:
        decision = decisions.full_record(connection, decision_id)
        known = approval_requests.recorded_requesters(connection, decision_id) is not None
    if known or not approval_requests.of_airflow(decision.requested_by):
        return
    import httpx

    dag_id, _, run_id = decision.requested_by.partition("/")
    if not settings.airflow_user:
        problem = f"there is no account in Airflow to ask who triggered {decision.requested_by}"
        raise AnswerRefused(decision=decision_id, problem=problem)
    require_identity_settings()
    stack_policy.require_same_identity(store, settings)
    client = AirflowClient.of_platform(settings)
    try:
        run = client.call("GET", run_path(dag_id, run_id))
        triggered_by, asset_triggered = run["triggering_user_name"], run["run_type"] == "asset_triggered"
        # how often it was cleared, and by which events it was started, Airflow says to its tasks alone
        since = datetime.fromisoformat(run["run_after"])
        people = run_people.find(
            settings, dag_id=dag_id, run_id=run_id, triggered_by=triggered_by, clears=None, since=since
        )
    except (httpx.HTTPError, KeyError, ValueError) as error:
        problem = f"Airflow does not say who triggered {decision.requested_by} ({error}); answer in Airflow"
        raise AnswerRefused(decision=decision_id, problem=problem) from error
    if asset_triggered:
        problem = f"{dag_id}/{run_id} was started by an asset event; answer in Airflow"
        raise AnswerRefused(decision=decision_id, problem=problem)
    request_approval.record_requester(store, settings, decision_id=decision_id, people=people)
