"""Audit labels that call the champion worse than at its promotion ask for a retrain, once."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.monitoring import champion_decline
from sentiment_lib.steps.scoring import score
from sentiment_lib.steps.training import request_retrain


@pytest.fixture
def eager(changed):
    """Every new tweet is drawn for the audit; a retrain may be asked for at once."""
    from datetime import timedelta

    return changed(score={"audit_share": 1.0}, retrain={"cool_down": timedelta(0), "quality_run_length": 500})


@pytest.fixture
def promoted(store, eager, decided, say, add_tweets):
    """The candidate is champion and has scored 200 tweets since."""
    say(decided.question)
    deployment = promote.run(store, eager, decision_id=decided.decision.decision_id)
    add_tweets(200, seed=13)
    score.run(store, eager)
    return deployment


WRONG = "CASE WHEN p.label = 'negative' THEN 'neutral' ELSE 'negative' END"


def test_a_champion_that_got_worse_asks_once_and_counts_anew(store, eager, promoted, audit_labels):
    audit_labels(promoted.to_version, WRONG)
    found = champion_decline.run(store, eager)
    assert found.verdict.crossed_after is not None
    assert (found.retrain_request.rule, found.verdict.measured) == ("quality", 0.0)
    assert "audit labels" in found.retrain_request.reason
    assert [one.rule for one in request_retrain.claim_requests(store, eager, run_id="retrain/2")] == ["quality"]
    assert champion_decline.run(store, eager).retrain_request is None


def test_one_person_alone_asks_for_nothing(store, eager, promoted, audit_labels):
    audit_labels(promoted.to_version, WRONG, by="ann")
    assert champion_decline.run(store, eager).verdict.labels == 0
    audit_labels(promoted.to_version, WRONG, by="bob", source="person")
    assert champion_decline.run(store, eager).verdict.labels == 200


def test_a_champion_that_is_right_asks_for_nothing(store, eager, promoted, audit_labels):
    audit_labels(promoted.to_version)
    found = champion_decline.run(store, eager)
    assert (found.verdict.labels, found.verdict.measured, found.retrain_request) == (200, 1.0, None)


def test_corrections_do_not_count_as_people_correct_what_is_wrong(store, eager, promoted, audit_labels):
    audit_labels(promoted.to_version, WRONG)
    with store.begin() as connection:
        connection.execute(text("UPDATE labels SET source = 'feedback' WHERE source = 'audit'"))
    assert champion_decline.run(store, eager).verdict.labels == 0


def test_the_cool_down_holds_the_wish_back_and_the_labels_stay_counted(store, eager, changed, promoted, audit_labels):
    audit_labels(promoted.to_version, WRONG)
    assert champion_decline.run(store, changed()).retrain_request is None
    assert champion_decline.run(store, eager).retrain_request is not None


def test_a_champion_without_a_decision_promised_nothing(store, eager, decided):
    assert champion_decline.run(store, eager) is None
