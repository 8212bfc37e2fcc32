"""What Airflow's approval hands over, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest

QUESTION = {"decision_id": 7, "evidence_hash": "e" * 64, "candidate_version": 3, "body": "..."}
RUN = SimpleNamespace(dag_id="retrain", run_id="manual__1", triggering_user_name="admin")


def event(options, *, user="mlops", reason=None):
    """The event with which Airflow resumes the operator."""
    return {
        "chosen_options": options,
        "params_input": {"reason": reason},
        "responded_at": datetime(2026, 11, 23, 12, tzinfo=UTC),
        "responded_by_user": {"id": user, "name": user} if user else None,
        "timedout": user is None,
    }


@pytest.fixture
def reply(dags):
    """The approval operator's XCom for an event."""
    operator = dags["retrain"].get_task("approval")
    return lambda *args, **kwargs: operator.execute_complete({}, event(*args, **kwargs))


@pytest.fixture
def recorded(monkeypatch):
    """Record a reply with the step replaced; gives the task's result and the arguments of the step."""
    from sentiment_airflow import retrain_tasks

    def record(reply):
        told = {}

        def run_step(step, response, **arguments):
            told.update(vars(response), step=step, **arguments)
            return SimpleNamespace(response=response.response)

        monkeypatch.setattr(retrain_tasks, "run_step", run_step)
        return retrain_tasks.record_approval.function(QUESTION, reply, dag_run=RUN), told

    return record


def test_promote_is_recorded_with_who_and_evidence_and_goes_on(reply, recorded):
    from sentiment_lib.steps.decisions import record_approval

    carried, told = recorded(reply(["Promote"], reason="fewer missed complaints"))
    assert carried == {"decision_id": 7}
    assert told["step"] is record_approval.run
    assert (told["response"], told["answered_by"], told["reason"]) == ("approved", "mlops", "fewer missed complaints")
    assert told["evidence_hash"] == QUESTION["evidence_hash"]


def test_reject_is_recorded_too_and_promotes_nothing(reply, recorded):
    carried, told = recorded(reply(["Reject"], reason="storm days only"))
    assert carried is None
    assert (told["response"], told["reason"]) == ("rejected", "storm days only")


def test_an_expired_question_is_nobodys_rejection(reply, recorded):
    carried, told = recorded(reply(["Reject"], user=None))
    assert carried is None
    assert (told["response"], told["answered_by"]) == ("expired", "nobody")


def test_a_question_that_was_withdrawn_records_nothing_and_promotes_nothing(recorded):
    assert recorded(None) == (None, {})


@pytest.mark.parametrize("place", ["hitlDetails", "hitlDetails/tries/2"])
def test_a_fresh_try_takes_the_answer_that_was_given_to_one_before(dags, recorded, monkeypatch, place):
    from sentiment_airflow import platform_client

    said = {key: value for key, value in event(["Promote"], reason="at once").items() if key != "timedout"}
    answered = {**said, "responded_at": "2026-11-23T12:00:00Z"}

    def call(method, path):
        if path.endswith("/tries/3"):
            request = httpx.Request(method, f"http://airflow{path}")
            raise httpx.HTTPStatusError("Not Found", request=request, response=httpx.Response(404))
        asked = f"/dags/retrain/dagRuns/manual__1/taskInstances/approval/-1/{place}"
        return answered if path == asked else {"responded_by_user": None}

    monkeypatch.setattr(platform_client, "connect", lambda: SimpleNamespace(call=call))
    ti = SimpleNamespace(dag_id="retrain", run_id="manual__1", task_id="approval", try_number=4)
    taken = dags["retrain"].get_task("approval").execute({"ti": ti})
    assert taken == said
    assert recorded(taken)[1]["answered_by"] == "mlops"


def test_an_option_that_was_never_offered_is_refused(reply):
    with pytest.raises(ValueError, match="Perhaps"):
        reply(["Perhaps"])


def test_a_void_answer_promotes_nothing(reply, monkeypatch):
    from sentiment_airflow import retrain_tasks

    monkeypatch.setattr(retrain_tasks, "run_step", lambda step, response, **arguments: SimpleNamespace(response="void"))
    assert retrain_tasks.record_approval.function(QUESTION, reply(["Promote"]), dag_run=RUN) is None


def test_one_surviving_family_is_asked_about_as_well_as_two():
    from sentiment_airflow import retrain_tasks

    decision_ids = retrain_tasks.decision_ids.function
    assert decision_ids({"decision_id": 4}, None) == [4]
    assert decision_ids(None, {"decision_id": 4}) == [4]
    assert decision_ids([{"decision_id": 4}, {"decision_id": 5}], {"decision_id": 6}) == [
        4,
        5,
        6,
    ]


def test_nobody_is_asked_when_no_family_came_through():
    from airflow.sdk.exceptions import AirflowFailException
    from sentiment_airflow import retrain_tasks

    with pytest.raises(AirflowFailException, match="every family failed"):
        retrain_tasks.request_approval.function([], dag_run=RUN)
