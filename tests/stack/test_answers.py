"""Answers that must not count, and those that must, given by real users to the real Airflow."""

from __future__ import annotations

import time

import httpx
import pytest

from sentiment_lib.airflow_client import run_path, task_path
from tests.stack.access_table import differences, read_table
from tests.stack.embedded_access import walk

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]

CHAMPION = "SELECT to_version AS version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"
LAST = "SELECT response, answered_by, reason FROM approvals ORDER BY approval_id DESC LIMIT 1"
#: `retrain` is asked for by people here only; a question stands for two minutes.
POLICY = {"SENTIMENT_POLICY__APPROVAL__EXPIRES_AFTER": "PT2M"}


@pytest.fixture
def running(stack):
    """A stack whose first question is there."""
    from benchmarks.airflow_rest import PATIENCE

    stack.environment.update(POLICY)
    stack.up(sample=True)
    stack.patience = PATIENCE
    stack.airflow("mlops").until(stack.airflow("mlops").waiting, seconds=600, what="the first question")
    return stack


def request_approval(stack, by, every=1.0):
    """Start a retrain as this user; returns the run once its approval is pending."""
    run_id = stack.airflow(by).trigger("retrain")
    person = stack.airflow("mlops")
    person.until(lambda: run_id in person.waiting(), seconds=300, what="a question", every=every)
    return run_id


def response_of(stack, run_id):
    """The recorded response, once the run has ended in success."""
    assert stack.airflow("admin").ended("retrain", run_id) == "success"
    return stack.rows(LAST)[0]


def test_only_a_timely_answer_of_another_approver_to_the_evidence_as_shown_promotes(running):
    person, before = running.airflow("mlops"), running.rows(CHAMPION)[0]["version"]

    own = request_approval(running, "mlops")
    time.sleep(running.patience)
    person.answer(own, "Promote", "mine")
    void = response_of(running, own)
    assert (void["response"], "may not approve it" in void["reason"]) == ("void", True)

    silent = request_approval(running, "admin")
    time.sleep(running.patience)
    person.answer(silent, "Reject")
    rejected = response_of(running, silent)
    assert (rejected["response"], rejected["answered_by"]) == ("rejected", "mlops")

    stale = request_approval(running, "admin")
    running.rows_as_owner(
        "UPDATE evaluations SET evidence = replace(evidence, '\"macro_f1\"', '\"macro_F1\"') "
        "WHERE evaluation_id = (SELECT max(evaluation_id) FROM decisions WHERE verdict = 'PROMOTE') RETURNING 1"
    )
    time.sleep(running.patience)
    person.answer(stale, "Promote", "looks good")
    void = response_of(running, stale)
    assert (void["response"], void["reason"]) == ("void", "the evidence is not what was shown")

    forgotten = request_approval(running, "admin")
    expired = response_of(running, forgotten)
    assert (expired["response"], expired["answered_by"]) == ("expired", "nobody")
    assert running.rows(CHAMPION)[0]["version"] == before

    at_once = request_approval(running, "admin", every=0.1)
    person.answer(at_once, "Promote", "within a moment of the question")
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        person.answer(at_once, "Reject", "no, wait")
    approved = response_of(running, at_once)
    assert (approved["response"], approved["answered_by"]) == ("approved", "mlops")
    assert running.rows(CHAMPION)[0]["version"] != before

    # Airflow may run the task again after an answer: it then goes by that answer and asks nobody
    person.clear("retrain", at_once, "approval")
    assert response_of(running, at_once) == approved


def test_an_approval_forged_with_two_rest_calls_promotes_nothing_and_is_named(running):
    """A user who may write XCom and task states puts an answer of somebody else in place of one."""
    attacker, before = running.airflow("mlops"), running.rows(CHAMPION)[0]["version"]
    run_id = request_approval(running, "mlops")
    assert not (problems := differences(read_table("Embedded stack"), walk(running, run_id))), "\n".join(problems)
    task = task_path("retrain", run_id, "approval")
    forged = {
        "chosen_options": ["Promote"],
        "params_input": {"reason": "looks good"},
        "responded_at": "2026-11-26T12:00:00Z",
        "responded_by_user": {"id": "admin", "name": "admin"},
    }
    attacker.call("POST", f"{task}/xcomEntries", {"key": "return_value", "value": forged, "map_index": -1})
    attacker.call("PATCH", task, {"new_state": "success"})

    last = response_of(running, run_id)
    assert running.rows(CHAMPION)[0]["version"] == before
    assert (last["response"], last["answered_by"]) == ("void", "nobody")
    decision = running.rows("SELECT decision_id FROM approvals ORDER BY approval_id DESC LIMIT 1")[0]["decision_id"]
    alerts = running.rows("SELECT severity, title FROM alerts WHERE kind = 'forged_approval'")
    assert [alert["severity"] for alert in alerts] == ["critical"]

    attacker.call("DELETE", run_path("retrain", run_id))
    with pytest.raises(RuntimeError, match="sentiment verify") as refused:
        running.sentiment("verify", "--no-artefacts")
    assert f"decision {decision}: nobody answered" in str(refused.value)

    alert = running.rows("SELECT alert_id FROM alerts WHERE kind = 'forged_approval'")[0]["alert_id"]
    with pytest.raises(RuntimeError, match="Sign in"):
        running.sentiment("alerts", "resolve", str(alert))
    with pytest.raises(RuntimeError, match="refuses"):
        running.sign_in("admin", "a guess")
    running.sign_in("admin")
    running.sentiment("alerts", "resolve", str(alert))
    running.sentiment("verify", "--no-artefacts")
    assert running.rows("SELECT resolved_by FROM alerts WHERE alert_id = :id", id=alert)[0]["resolved_by"] == "admin"
