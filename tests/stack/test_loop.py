"""The loop turns: sample stream, scores, drift report, and a question with its evidence."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.stack.approvals import request_approval

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]


def test_a_newcomer_finds_a_question_with_its_evidence(running):
    assert "✗" not in running.sentiment("doctor"), "nothing that the first loop is about to bring is a fault"
    assert json.loads(running.sentiment("status", "--json"))["first_loop"] in ("running", "finished")
    person, viewer, admin = (running.airflow(user) for user in ("mlops", "platform", "admin"))

    run_id = person.until(person.waiting, seconds=600, what="a question in the UI")[0]
    decided = running.rows("SELECT decision_id, verdict, evidence_hash FROM decisions WHERE verdict = 'PROMOTE'")
    assert decided, "the decision is written before anyone is asked"
    question = person.question(run_id)
    assert any(row["evidence_hash"][:12] in question["body"] for row in decided), "the question shows its evidence"
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        viewer.answer(run_id, "Promote")

    assert running.rows("SELECT count(*) AS n FROM predictions")[0]["n"] > 0
    admin.until(lambda: running.rows("SELECT 1 FROM drift_reports"), seconds=300, what="a drift report")


def test_a_newer_question_takes_the_older_one_away_and_its_run_ends_well(asked):
    admin, person = asked.airflow("admin"), asked.airflow("mlops")
    first = next(iter(person.waiting()), None) or request_approval(asked, "admin")
    second = request_approval(asked, "admin", seed=1)
    assert admin.ended("retrain", first) == "success"
    assert person.waiting() == [second]
    voided = asked.rows("SELECT reason FROM approvals WHERE response = 'void'")
    assert any("superseded" in row["reason"] for row in voided)
