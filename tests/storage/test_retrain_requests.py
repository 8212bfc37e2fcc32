"""Which rule gets a retrain, and when nobody but a person does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.policy import Policy, RetrainPolicy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage import grants

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, policy=Policy(retrain=RetrainPolicy(cool_down=timedelta(0), minimum_new_labels=3)))


def snapshot(store):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy, created_at) "
                "VALUES ('h', now(), 1, 1, 'u', '{}', now() - interval '1 hour')"
            )
        )


def label(store, count):
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        for statement in (
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) SELECT n, 'late', now(), 1 "
            "FROM generate_series(1, :count) n",
            "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
            "SELECT n, 'negative', 'person', 'anna', now() FROM generate_series(1, :count) n",
        ):
            connection.execute(text(statement), {"count": count})


def rules(taken):
    return [one.rule for one in taken]


def test_before_the_first_snapshot_every_rule_may_ask(store, settings):
    assert request_retrain.request_retrain(store, settings, rule="drift", reason="storm").rule == "drift"
    assert rules(request_retrain.claim_requests(store, settings, run_id="retrain/1")) == ["drift"]


@pytest.mark.parametrize("rule", ["drift", "quality"])
def test_without_new_labels_only_a_person_gets_one(store, settings, rule):
    snapshot(store)
    label(store, 2)
    assert request_retrain.request_retrain(store, settings, rule=rule, reason="why") is None
    assert request_retrain.claim_requests(store, settings, run_id="retrain/1") == []
    assert rules(request_retrain.claim_requests(store, settings, run_id="retrain/2", otherwise="person")) == ["person"]


def test_with_enough_new_labels_the_calendar_gets_one_and_the_same_run_finds_it_again(store, settings):
    snapshot(store)
    label(store, 3)
    taken = request_retrain.claim_requests(store, settings, run_id="retrain/1")
    assert rules(taken) == ["schedule"]
    assert request_retrain.claim_requests(store, settings, run_id="retrain/1") == taken


def test_a_policy_that_could_never_be_met_is_refused():
    with pytest.raises(ValueError, match="drift would never request"):
        RetrainPolicy(drift_confirmed=3, drift_checks=2)
