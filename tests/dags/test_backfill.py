"""`airflow backfill create --dag-id retrain` trains once, however many days it covers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from sentiment_airflow import retrain_tasks

from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage.retrain_requests import RetrainRequest


@pytest.fixture
def claim(monkeypatch):
    """Claim as a run; returns the rule that it asks for when no request is open."""
    asked = []

    def take(step, *, run_id, otherwise, families):
        assert step is request_retrain.claim_requests
        asked.append(otherwise)
        return [RetrainRequest(request_id=1, rule=otherwise, reason="a test")]

    monkeypatch.setattr(retrain_tasks, "run_step", take)

    def run(run_type, days_ago, user):
        run = SimpleNamespace(
            dag_id="retrain",
            run_id=f"{run_type}__{days_ago}",
            run_type=run_type,
            logical_date=datetime.now(UTC) - timedelta(days=days_ago),
            triggering_user_name=user,
        )
        retrain_tasks.claim_requests.function(run, {"families": ["vader"]})
        return asked[-1]

    return run


def test_past_days_of_a_backfill_train_nothing(claim):
    for days in range(2, 30):
        with pytest.raises(AirflowSkipException, match="uses the labels of now"):
            claim("backfill", days, "admin")


def test_its_newest_day_follows_the_rule_of_the_calendar_whoever_started_it(claim):
    assert claim("backfill", 0.5, "admin") == request_retrain.CALENDAR


def test_other_runs_are_as_before(claim):
    assert claim("manual", 0, "admin") == request_retrain.PERSON
    assert claim("scheduled", 3, None) == request_retrain.CALENDAR
