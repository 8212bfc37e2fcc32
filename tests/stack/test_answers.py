"""Answers that must not count, and those that must, given by real users to the real Airflow."""

from __future__ import annotations

import time

import httpx
import pytest

from benchmarks.airflow_rest import PATIENCE
from tests.stack.approvals import CHAMPION, request_approval, response_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]
BY_VERSION = "SELECT count(*) AS n FROM predictions WHERE model_version = :version"


def test_only_a_timely_answer_of_another_approver_to_the_evidence_as_shown_promotes(asked):
    person, before = asked.airflow("mlops"), asked.rows(CHAMPION)[0]["version"]

    own = request_approval(asked, "mlops")
    time.sleep(PATIENCE)
    person.answer(own, "Promote", "mine")
    void = response_of(asked, own)
    assert (void["response"], "may not approve it" in void["reason"]) == ("void", True)

    silent = request_approval(asked, "admin")
    time.sleep(PATIENCE)
    person.answer(silent, "Reject")
    rejected = response_of(asked, silent)
    assert (rejected["response"], rejected["answered_by"]) == ("rejected", "mlops")

    stale = request_approval(asked, "admin")
    asked.rows_as_owner(
        "UPDATE evaluations SET evidence = replace(evidence, '\"macro_f1\"', '\"macro_F1\"') "
        "WHERE evaluation_id = (SELECT max(evaluation_id) FROM decisions WHERE verdict = 'PROMOTE') RETURNING 1"
    )
    time.sleep(PATIENCE)
    person.answer(stale, "Promote", "looks good")
    void = response_of(asked, stale)
    assert (void["response"], void["reason"]) == ("void", "the evidence is not what was shown")

    forgotten = request_approval(asked, "admin")
    expired = response_of(asked, forgotten)
    assert (expired["response"], expired["answered_by"]) == ("expired", "nobody")
    assert asked.rows(CHAMPION)[0]["version"] == before

    at_once = request_approval(asked, "admin", every=0.1)
    person.answer(at_once, "Promote", "within a moment of the question")
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        person.answer(at_once, "Reject", "no, wait")
    approved = response_of(asked, at_once)
    assert (approved["response"], approved["answered_by"]) == ("approved", "mlops")
    assert asked.rows(CHAMPION)[0]["version"] != before

    # Airflow may run the task again after an answer: it then goes by that answer and asks nobody
    person.clear("retrain", at_once, "approval")
    assert response_of(asked, at_once) == approved

    _one_more_tweet(asked)
    admin, champion = asked.airflow("admin"), asked.rows(CHAMPION)[0]["version"]
    scored = asked.rows(BY_VERSION, version=champion)[0]["n"]
    admin.ended("ingest_tweets", admin.trigger("ingest_tweets"))
    admin.until(
        lambda: asked.rows(BY_VERSION, version=champion)[0]["n"] > scored, seconds=180, what="a score of the promoted"
    )


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
