"""The families of one retrain share its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentiment_lib.errors import TrainingCancelled, TrainingRefused
from sentiment_lib.policy import Policy
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import time_budget
from sentiment_lib.steps.training.cost import Stopwatch

BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def minutes(after, spent=0.0, **retrain):
    """(search, training) of a family that begins so many minutes after its retrain, and spent some in earlier tries."""
    settings = Settings(policy=Policy.model_validate({"retrain": {"budget_minutes": 100, **retrain}}))
    now = BEGAN + timedelta(minutes=after)
    found = time_budget.apply_budget(settings, family="bert", run_started_at=BEGAN, now=now, spent=spent).policy.retrain
    return found.search_minutes, found.train_minutes


def test_a_family_gets_its_own_time_while_there_is_enough_of_the_retrains():
    assert minutes(0, train_minutes=60)[1] == 60
    assert minutes(40, train_minutes=60)[1] == 60


def test_a_late_family_gets_what_is_left():
    assert minutes(70, train_minutes=60)[1] == pytest.approx(30)


def test_what_earlier_tries_spent_is_taken_off_once():
    # ten minutes are left, and the deadline counts the twenty that were spent
    assert minutes(90, spent=20, train_minutes=60)[1] == pytest.approx(30)
    assert minutes(30, spent=20, train_minutes=60)[1] == 60


def test_a_search_and_its_training_fit_into_what_is_left_together():
    assert minutes(80, search_trials=9, search_minutes=30, train_minutes=60) == pytest.approx((10, 10))
    assert minutes(0, search_trials=9, search_minutes=30, train_minutes=60) == (30, 60)


@pytest.mark.parametrize("after", [100, 500])
def test_a_family_that_would_begin_too_late_is_refused_by_the_name_of_the_rule(after):
    with pytest.raises(TrainingRefused, match=r"bert cannot be trained: the 100 minutes of policy.retrain.budget_min"):
        minutes(after)


def test_a_training_by_itself_shares_nothing():
    settings = Settings()
    assert time_budget.apply_budget(settings, family="bert", run_started_at=None, now=BEGAN) is settings


def test_a_training_that_runs_out_of_its_minutes_names_the_rule():
    settings = Settings(policy=Policy.model_validate({"retrain": {"train_minutes": 1e-9}}))
    with pytest.raises(TrainingCancelled, match=r"Training of bert .* policy\.retrain\.train_minutes.*epoch 2"):
        time_budget.deadline_progress(settings, "bert", Stopwatch())(0.5, "epoch 2")
