"""Waiting costs errors by the forecast; once they are worth a retrain, the rule `opportunity` requests one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.evaluation.opportunity_cost import Period, opportunity_cost
from sentiment_lib.policy import RetrainPolicy
from sentiment_lib.records import AliasMove
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.steps.training.rules.opportunity import Opportunity
from sentiment_lib.storage import deployments, grants

DATABASE_ROLE = grants.APP
FROZEN = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = RetrainPolicy(price_errors=25, gain_per_doubling=0.01)


@pytest.fixture
def served(store):
    """A snapshot of 1,000 labels at noon, then a champion that predicts 1,000 tweets a day."""
    with store.begin() as connection:
        for statement in (
            "INSERT INTO ingests (source) VALUES ('test')",
            "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
            "VALUES (1, 'vader', 'd', 'r', 'k')",
            "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy, created_at) "
            "VALUES ('h', now(), 800, 200, 'u', '{}', '2026-06-01T12:00Z')",
            "INSERT INTO sentiment_days (model_version, day, airline, tweets, negative, neutral, positive, labels, "
            "weights, squared_weights, errors, squared_errors, squared_copies) "
            "SELECT 1, date '2026-06-01' + n, airline, 500, 500, 0, 0, 0, 0, 0, 0, 0, 0 "
            "FROM generate_series(0, 9) n, unnest(ARRAY['', 'united']) airline",
        ):
            connection.execute(text(statement))
        move = deployments.begin_move(
            connection, AliasMove(kind="rollback", from_version=None, to_version=1, reason="test")
        )
        deployments.close_move(connection, move, "done")


def label(store, at, first, count):
    with store.begin() as connection:
        for statement in (
            "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
            "SELECT n, 'late', :at, 1 FROM generate_series(CAST(:first AS bigint), :last) n",
            "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, stored_at) "
            "SELECT n, 'negative', 'person', 'anna', :at, :at FROM generate_series(CAST(:first AS bigint), :last) n",
        ):
            connection.execute(text(statement), {"at": at, "first": first, "last": first + count - 1})


def reason(store, at, policy=POLICY):
    with store.begin() as connection:
        return Opportunity().reason(connection, policy, at)


def test_the_loss_is_that_of_the_pure_function_day_by_day(store, served):
    label(store, FROZEN + timedelta(hours=1), 1, 300)
    label(store, FROZEN + 2 * DAY, 301, 700)
    # days 2 to 4 of June: 1,300, then twice 2,000 labels
    expected = opportunity_cost(1000, [Period(tweets=1000, labels=n) for n in (1300, 2000, 2000)], 0.01)
    assert expected == pytest.approx(3.785 + 10 + 10, abs=0.01)
    assert reason(store, FROZEN + 3 * DAY) is None
    found = reason(store, FROZEN + 3 * DAY, RetrainPolicy(price_errors=23))
    assert found.startswith(
        "waiting has cost 24 errors by the forecast, and a retrain is worth 23: 3,000 tweets on 3 days"
    )
    assert "1,000 labels beyond the 1,000 of snapshot 1" in found
    assert reason(store, FROZEN + 4 * DAY).startswith("waiting has cost 34 errors")


def test_it_requests_a_retrain_once_with_its_evidence(store, served, settings):
    label(store, FROZEN + timedelta(hours=1), 1, 400)  # too few for the rule of new labels
    assert request_retrain.request_by_rules(store, settings, at=FROZEN + 5 * DAY) is None
    request = request_retrain.request_by_rules(store, settings, at=FROZEN + 6 * DAY)
    assert request.rule == "opportunity"
    assert "6,000 tweets on 6 days, and 400 labels beyond" in request.reason
    assert request_retrain.request_by_rules(store, settings, at=FROZEN + 7 * DAY) == request


def test_without_new_labels_waiting_costs_nothing(store, served):
    label(store, FROZEN - DAY, 1, 900)
    assert reason(store, FROZEN + 9 * DAY, RetrainPolicy(price_errors=1e-9)) is None
    label(store, FROZEN + DAY, 901, 1)
    with store.begin() as connection:  # a second opinion is no new label
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at, stored_at) "
                "SELECT tweet_id, 'neutral', 'person', 'boris', now(), :at FROM tweets WHERE tweet_id < 900"
            ),
            {"at": FROZEN + DAY},
        )
    assert "and 1 labels beyond" in reason(store, FROZEN + 9 * DAY, RetrainPolicy(price_errors=1e-9))


def test_without_snapshot_or_champion_it_has_no_reason(store):
    assert reason(store, FROZEN) is None
