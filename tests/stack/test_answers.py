"""Answers that must not count, and those that must, given by real users to the real Airflow."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.stack.approvals import CHAMPION, request_approval, response_of, wait_for_request

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]


@pytest.fixture
def running(stack):
    """A stack whose first question is there."""
    wait_for_request(stack)
    return stack


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
