"""The loop turns: sample stream, scores, drift report, question, answer, promotion, and scores by the new version."""

from __future__ import annotations

import json
import time

import httpx
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]

CHAMPION = "SELECT to_version AS version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"
BY_VERSION = "SELECT count(*) AS n FROM predictions WHERE model_version = :version"


def test_a_newcomer_finds_a_question_and_the_answer_makes_a_new_champion_that_scores_what_comes_next(stack):
    from benchmarks.airflow_rest import PATIENCE

    stack.up(sample=True)
    assert "✗" not in stack.sentiment("doctor"), "nothing that the first loop is about to bring is a fault"
    assert json.loads(stack.sentiment("status", "--json"))["first_loop"] in ("running", "finished")
    person, viewer, admin = (stack.airflow(user) for user in ("mlops", "platform", "admin"))

    run_id = person.until(person.waiting, seconds=600, what="a question in the UI")[0]
    before = stack.rows(CHAMPION)[0]["version"]
    assert stack.rows("SELECT count(*) AS n FROM predictions")[0]["n"] > 0
    admin.until(lambda: stack.rows("SELECT 1 FROM drift_reports"), seconds=300, what="a drift report")

    decided = stack.rows("SELECT decision_id, verdict, evidence_hash FROM decisions WHERE verdict = 'PROMOTE'")
    assert decided, "the decision is written before anyone is asked"
    question = person.question(run_id)
    assert any(row["evidence_hash"][:12] in question["body"] for row in decided), "the question shows its evidence"

    time.sleep(PATIENCE)
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        viewer.answer(run_id, "Promote")
    person.answer(run_id, "Promote", "fewer missed complaints")
    assert admin.ended("retrain", run_id) == "success"

    answered = stack.rows("SELECT response, answered_by, reason FROM approvals WHERE response = 'approved'")
    assert [(row["answered_by"], row["reason"]) for row in answered] == [("mlops", "fewer missed complaints")]
    after = stack.rows(CHAMPION)[0]["version"]
    assert after != before

    scored = stack.rows(BY_VERSION, version=after)[0]["n"]
    _one_more_tweet(stack)
    admin.ended("ingest_tweets", admin.trigger("ingest_tweets"))
    admin.until(lambda: stack.rows(BY_VERSION, version=after)[0]["n"] > scored, seconds=180, what="a score by it")


def test_a_newer_question_takes_the_older_one_away_and_its_run_ends_well(stack):
    stack.up(sample=True)
    admin, person = stack.airflow("admin"), stack.airflow("mlops")
    first = person.until(person.waiting, seconds=600, what="a question in the UI")[0]

    second = admin.trigger("retrain", seed=1)
    assert admin.ended("retrain", first) == "success"
    assert person.until(lambda: second in person.waiting(), seconds=300, what="the newer question")
    assert person.waiting() == [second]
    voided = stack.rows("SELECT response, reason FROM approvals")
    assert [row["response"] for row in voided] == ["void"]
    assert "superseded" in voided[0]["reason"]


def _one_more_tweet(stack):
    """A file in the landing folder, as a person would drop it."""
    landing = stack.settings.landing
    landing.mkdir(parents=True, exist_ok=True)
    draft = stack.home / "one.csv"
    draft.write_text(
        "tweet_id,text,author,created_at,label\n"
        "987654321012345678,@united my bag is lost again,someone,2026-11-22T10:00:00Z,negative\n"
    )
    draft.rename(landing / "one.csv")
