"""Human-in-the-loop approval that shows what the database says, and records the response itself.

Users of Airflow may write XCom and task states by REST. So the request comes from the database, not from the XCom of
the task before; the response comes from Airflow's own record of it, which only the person who answers can write; and
the tasks after this one read the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

from sentiment_lib import clock

Json = dict[str, Any]


class ApprovalRequestOperator(HITLOperator):
    """An HITLOperator for one approval of its run's decision; its result names the recorded response.

    With a quorum, one such task follows another; those after the last approval, or a rejection, ask nobody.

    Airflow 3.3 can fail a task that is answered within moments of its request: the executor reports the end of the
    process that asked after the task has resumed already. Another try finds the response, in the database or in
    Airflow's record, and asks nobody again.
    """

    def execute(self, context: Any) -> Any:
        """Record the response to an earlier try, if there is one; else ask, and wait."""
        from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput

        from sentiment_airflow import defaults
        from sentiment_airflow.run_people import find_people
        from sentiment_airflow.run_step import run_key, run_step
        from sentiment_lib.steps.decisions import check_approval, request_approval

        dag_run = context["dag_run"]
        run = run_key(dag_run)
        recorded = run_step(check_approval.find_response, requested_by=run)
        if recorded is not None:
            return _result(recorded)
        request = run_step(request_approval.of_run, requested_by=run, people=find_people(dag_run))
        if request is None:
            raise AirflowSkipException("a newer decision has superseded this request")
        self.subject = f"Promote version {request.candidate_version} to champion?"
        # those who have approved already are not asked again; the time to answer is that of the whole request
        asked = run_step(check_approval.respondents, requested_by=run)
        self.body = f"{request.body}\n\n{asked.note}"
        self.assigned_users = defaults.airflow_users(asked.people)
        self.response_timeout = max(asked.expires_at - clock.now(), timedelta(seconds=1))
        response = earlier_response(context["ti"], request.decision_id)
        if response:
            return record(context, response, request.decision_id)
        try:
            return super().execute(context)
        except TaskAwaitingInput as waiting:
            # the answer counts for what this question shows, whatever the run decides meanwhile
            waiting.kwargs = {**(waiting.kwargs or {}), "decision_id": request.decision_id}
            raise

    def execute_complete(self, context: Any, event: dict[str, Any], decision_id: int | None = None) -> Any:
        """Record the response. Airflow writes `event` from its record of the answer; no REST call can.

        decision_id: what was asked about; None for a question of a release that did not keep it.
        """
        return record(context, super().execute_complete(context, event), decision_id)


def record(context: Any, response: Mapping[str, Any], decision_id: int | None = None) -> Json:
    """Record a response to the question about this decision: who, when and what as Airflow recorded it.

    decision_id: by default, that for which the run requests approval now.
    """
    from airflow.sdk.exceptions import AirflowFailException

    from sentiment_airflow.run_people import find_people
    from sentiment_airflow.run_step import run_key, run_step
    from sentiment_lib.records import NOBODY, ApprovalResponse
    from sentiment_lib.steps.decisions import approval_provenance, check_approval, record_approval

    dag_run, user = context["dag_run"], response["responded_by_user"]
    run = run_key(dag_run)
    decision = run_step(check_approval.find_decision, requested_by=run, decision_id=decision_id)
    if decision is None:
        raise AirflowFailException(f"{run} has no decision to answer")
    answer = ApprovalResponse(
        decision_id=decision.decision_id,
        response=ledger_response(response),
        # the id is a number under FAB; the name identifies a person everywhere
        answered_by=user["name"] if user else NOBODY,
        answered_at=response["responded_at"],
        reason=(response["params_input"] or {}).get("reason"),
        evidence_hash=decision.evidence_hash,
    )
    provenance = approval_provenance.from_airflow(
        answer,
        task=f"{run}/{context['ti'].task_id}",
        task_instance_id=str(context["ti"].id),
        user_id=user["id"] if user else None,
    )
    approval = run_step(record_approval.run, answer, people=find_people(dag_run), provenance=provenance)
    return _result(approval)


def ledger_response(response: Mapping[str, Any]) -> str:
    """An Airflow response in the ledger's terms: "approved", "rejected", or "expired" when nobody responded."""
    if not response["responded_by_user"]:
        return "expired"
    return "approved" if list(response["chosen_options"]) == ["Promote"] else "rejected"


def earlier_response(ti: Any, decision_id: int) -> Json | None:
    """A person's response to an earlier try that asked about this decision, in the form of `execute_complete`, or None.

    A run that was cleared may have decided anew: nobody has seen that evidence.
    """
    from sentiment_airflow.platform_client import connect
    from sentiment_lib.steps.operations import airflow_responses

    client = connect() if ti.try_number > 1 else None
    if client is None:
        return None
    # a try that Airflow failed leaves its request to the next try; one that a person cleared keeps its own
    for details in airflow_responses.find_responses(client, f"{ti.dag_id}/{ti.run_id}/{ti.task_id}"):
        about_it = airflow_responses.asked_about(details) == decision_id
        if about_it and details["responded_by_user"] and details["responded_at"]:
            return {
                "chosen_options": details["chosen_options"],
                "params_input": details["params_input"] or {},
                "responded_at": datetime.fromisoformat(details["responded_at"]),
                "responded_by_user": details["responded_by_user"],
            }
    return None


def _result(approval: Any) -> Json:
    """The response for people who look at the task; nothing reads it."""
    from sentiment_airflow.run_step import to_xcom

    return to_xcom(approval, "decision_id", "response", "answered_by", "answered_at", "reason")
