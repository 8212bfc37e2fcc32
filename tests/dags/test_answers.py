"""What Airflow's approval hands over, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

RUN = SimpleNamespace(
    dag_id="retrain",
    run_id="manual__1",
    triggering_user_name="admin",
    clear_number=0,
    run_after=datetime(2026, 11, 23, tzinfo=UTC),
    consumed_asset_events=[],
)
OTHER = SimpleNamespace(decision_id=6, evidence_hash="f" * 64)
DECISION = SimpleNamespace(decision_id=7, evidence_hash="e" * 64)
REQUEST = SimpleNamespace(decision_id=7, candidate_version=3, body="the evidence")
BODY = "The evidence, [Decision 7](/sentiment/decisions/7)"


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
def operator(dags, monkeypatch):
    task = dags["retrain"].get_task("approval")
    for name in ("assigned_users", "response_timeout"):  # the DAG is shared with other tests
        monkeypatch.setattr(task, name, getattr(task, name))
    return task


@pytest.fixture
def context():
    """Airflow's context of a first try, with a forged answer in XCom that nothing may read."""
    forged = {"chosen_options": ["Promote"], "params_input": {}, "responded_by_user": {"id": "admin", "name": "admin"}}
    ti = SimpleNamespace(dag_id="retrain", run_id="manual__1", task_id="approval", try_number=1, id="0199-id")
    ti.xcom_pull = lambda *_, **__: forged
    return {"dag_run": RUN, "ti": ti}


@pytest.fixture
def database(monkeypatch):
    """The steps replaced by a database of one decision; keeps what was recorded."""
    from sentiment_airflow import retrain_tasks, run_step

    from sentiment_lib.records import Approval

    database = SimpleNamespace(approval=None, calls=[], asked=[], request=REQUEST)

    def record(response, **arguments):
        database.calls.append((response, arguments))
        database.approval = Approval(approval_id=1, **vars(response))
        return database.approval

    def approved(**_):
        return 7 if database.approval and database.approval.response == "approved" else None

    steps = {
        "check_approval.find_response": lambda **_: database.approval,
        "check_approval.find_decision": lambda **asked: DECISION if asked["decision_id"] in (None, 7) else OTHER,
        "check_approval.run": approved,
        "check_approval.respondents": lambda **_: SimpleNamespace(
            people=("admin", "anna"), expires_at=datetime.now(UTC) + timedelta(hours=9), note="May promote: anna."
        ),
        "request_approval.of_run": lambda **arguments: database.asked.append(arguments) or database.request,
        "request_approval.run": lambda **arguments: database.asked.append(arguments),
        "record_approval.run": record,
    }

    def run(step, *values, **arguments):
        return steps[f"{step.__module__.rpartition('.')[2]}.{step.__name__}"](*values, **arguments)

    monkeypatch.setattr(run_step, "run_step", run)
    monkeypatch.setattr(retrain_tasks, "run_step", run)
    return database


def test_promote_is_recorded_with_who_when_and_evidence_and_goes_on(operator, context, database):
    from sentiment_airflow import retrain_tasks

    said = event(["Promote"], reason="fewer missed complaints")
    operator.execute_complete(context, said)
    response, arguments = database.calls[0]
    assert (response.response, response.answered_by, response.reason) == (
        "approved",
        "mlops",
        "fewer missed complaints",
    )
    assert (response.answered_at, response.evidence_hash) == (said["responded_at"], DECISION.evidence_hash)
    assert arguments["people"] == {"admin"}
    assert arguments["provenance"] == {
        "channel": "airflow",
        "task": "retrain/manual__1/approval",
        "task_instance_id": "0199-id",
        "user_id": "mlops",
        "responded_by": "mlops",
        "responded_at": said["responded_at"],
    }
    assert retrain_tasks.check_approval.function(RUN) == 7


def test_the_request_names_who_triggered_the_run(database):
    from sentiment_airflow import retrain_tasks

    assert retrain_tasks.request_approval.function([7], RUN) is None
    assert database.asked == [{"decision_ids": [7], "requested_by": "retrain/manual__1", "people": {"admin"}}]


def test_a_numeric_user_id_is_not_taken_for_a_name(operator, context, database):
    said = event(["Promote"])
    said["responded_by_user"] = {"id": "2", "name": "bob"}
    operator.execute_complete(context, said)
    response, arguments = database.calls[0]
    assert (response.answered_by, arguments["provenance"]["user_id"]) == ("bob", "2")


def test_reject_is_recorded_too_and_promotes_nothing(operator, context, database):
    from sentiment_airflow import retrain_tasks

    operator.execute_complete(context, event(["Reject"], reason="storm days only"))
    assert (database.approval.response, database.approval.reason) == ("rejected", "storm days only")
    assert retrain_tasks.check_approval.function(RUN) is None


def test_an_expired_question_is_nobodys_rejection(operator, context, database):
    operator.execute_complete(context, event(["Reject"], user=None))
    assert (database.approval.response, database.approval.answered_by) == ("expired", "nobody")


def test_a_forged_answer_in_xcom_is_read_by_nobody(context, database):
    from airflow.sdk.exceptions import AirflowFailException
    from sentiment_airflow import retrain_tasks

    assert retrain_tasks.check_approval.function(context["dag_run"]) is None
    with pytest.raises(AirflowFailException, match="no approval"):
        retrain_tasks.promote.function(context["dag_run"])
    assert database.calls == []


def test_what_is_shown_comes_from_the_database(operator, context, database):
    from airflow.providers.standard.operators import hitl

    shown = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hitl, "upsert_hitl_detail", lambda **details: shown.update(details))
        context["task_instance"] = SimpleNamespace(id="an id")
        with pytest.raises(BaseException) as waiting:
            operator.execute(context)
    assert type(waiting.value).__name__ == "TaskAwaitingInput"
    assert waiting.value.kwargs == {"decision_id": 7}, "the answer will count for what was shown"
    assert timedelta(hours=8) < operator.response_timeout <= timedelta(hours=9), "the rest of the request's time"
    assert [user["name"] for user in shown["assigned_users"]] == ["admin", "anna"], "who has not approved yet"
    assert (shown["subject"], shown["body"]) == ("Promote version 3 to champion?", "the evidence\n\nMay promote: anna.")


def test_a_request_that_was_superseded_is_not_shown(operator, context, database):
    from airflow.sdk.exceptions import AirflowSkipException

    database.request = None
    with pytest.raises(AirflowSkipException):
        operator.execute(context)


def test_another_run_of_the_task_finds_the_recorded_response(operator, context, database):
    operator.execute_complete(context, event(["Promote"], reason="at once"))
    assert operator.execute(context)["answered_by"] == "mlops"
    assert len(database.calls) == 1


@pytest.mark.parametrize("address", ["hitlDetails", "hitlDetails/tries/2"])
def test_a_fresh_try_takes_the_answer_that_was_given_to_one_before(operator, context, database, monkeypatch, address):
    from sentiment_airflow import platform_client

    said = {key: value for key, value in event(["Promote"], reason="at once").items() if key != "timedout"}
    answered = {**said, "responded_at": "2026-11-23T12:00:00Z", "body": BODY}

    def call(method, path):
        if path.endswith("/tries/3"):
            request = httpx.Request(method, f"http://airflow{path}")
            raise httpx.HTTPStatusError("Not Found", request=request, response=httpx.Response(404))
        task = "/dags/retrain/dagRuns/manual__1/taskInstances/approval"
        if path == task:
            return {"try_number": 4}
        return answered if path == f"{task}/-1/{address}" else {"responded_by_user": None}

    monkeypatch.setattr(platform_client, "connect", lambda: SimpleNamespace(call=call))
    context["ti"].try_number = 4
    assert operator.execute(context)["answered_by"] == "mlops"
    response = database.calls[0][0]
    assert (response.response, response.reason, response.answered_at) == ("approved", "at once", said["responded_at"])


def test_an_answer_counts_for_the_decision_that_was_asked_about(operator, context, database):
    operator.execute_complete(context, event(["Promote"], reason="seen"), decision_id=6)
    response = database.calls[0][0]
    assert (response.decision_id, response.evidence_hash) == (6, OTHER.evidence_hash)


def test_an_answer_to_another_decision_of_the_same_run_is_not_taken(context, monkeypatch):
    from sentiment_airflow import approval_operator, platform_client

    # Airflow's record of the first try, which a person cleared after the answer
    answered = {**event(["Promote"]), "responded_at": "2026-11-23T12:00:00Z", "body": BODY}
    answers = {"hitlDetails/tries/1": answered}
    absent = {"responded_by_user": None, "responded_at": None, "body": None}

    def call(_, path):
        return {"try_number": 2} if path.endswith("approval") else answers.get(path.partition("-1/")[2], absent)

    monkeypatch.setattr(platform_client, "connect", lambda: SimpleNamespace(call=call))
    context["ti"].try_number = 2
    assert approval_operator.earlier_response(context["ti"], 8) is None
    assert approval_operator.earlier_response(context["ti"], 7)["chosen_options"] == ["Promote"]


def test_a_task_whose_request_was_answered_by_a_command_is_ended_and_no_other(monkeypatch):
    from sentiment_airflow import stale_approvals

    states, calls = {"manual__1": "awaiting_input", "manual__2": "success"}, []

    def call(method, path, body=None):
        run = path.split("/")[4]
        if method == "PATCH":
            calls.append((run, body["new_state"]))
            assert body["note"].endswith("who answered: /sentiment/decisions?run=manual__1")
        return {"state": states[run]}

    monkeypatch.setattr(stale_approvals, "connect", lambda: SimpleNamespace(call=call))
    assert stale_approvals.cancel_stale(["retrain/manual__1", "retrain/manual__2", "ann/2026-01-02T03:04:05"]) == 1
    assert calls == [("manual__1", "skipped")]


def test_an_option_that_was_never_offered_is_refused(operator, context, database):
    with pytest.raises(ValueError, match="Perhaps"):
        operator.execute_complete(context, event(["Perhaps"]))


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


def test_a_run_that_acts_in_a_persons_name_does_nothing_when_another_cleared_it(monkeypatch):
    from airflow.sdk.exceptions import AirflowFailException
    from sentiment_airflow import run_people

    assert run_people.find_author(RUN) == "admin"
    monkeypatch.setattr("sentiment_lib.steps.operations.run_people._who_cleared", lambda *_: {"admin", "mlops"})
    monkeypatch.setenv("SENTIMENT_AIRFLOW_USER", "sentiment")
    with pytest.raises(AirflowFailException, match="mlops cleared this run of admin"):
        run_people.find_author(SimpleNamespace(**{**vars(RUN), "clear_number": 1}))
