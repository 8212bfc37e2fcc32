"""`sentiment retrain`: families that there are, each once; one that fails does not stop the others."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from datetime import timedelta

import pytest
import typer
from sqlalchemy import func, select, text
from typer.testing import CliRunner

from sentiment_lib import clock
from sentiment_lib.cli.models import training as commands
from sentiment_lib.errors import BadInput, MissingWeights, UnknownFamily
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.steps.training import duplicate_retrain, request_retrain
from sentiment_lib.steps.training.duplicate_retrain import DuplicateRetrain
from sentiment_lib.storage.tables import RetrainRequestRow, SnapshotRow

#: Nobody has this checkpoint.
WITHOUT = {"tweet_roberta": {"checkpoint": "nobody/has-this@" + "0" * 40}}


@pytest.fixture
def retrain(store, changed, sign_in_as, monkeypatch):
    app = typer.Typer()
    commands.register(app)
    settings = sign_in_as("me", changed(retrain={"options": WITHOUT}))

    def typed(*families, more=(), **changes):
        with_changes = settings.model_copy(update=changes)
        monkeypatch.setattr(commands, "open_store", lambda: nullcontext((store, with_changes)))
        words = [word for family in families for word in ("--family", family)]
        return CliRunner().invoke(app, ["retrain", "--json", *words, *more])

    return typed


@pytest.mark.parametrize(
    ("families", "error"), [(("vader", "bret"), UnknownFamily), (("vader", "bert", "vader"), BadInput)]
)
def test_a_slip_of_the_hand_takes_no_wish_and_freezes_nothing(retrain, store, settings, tweets, families, error):
    request_retrain.request_retrain(store, settings, rule="drift", reason="a report")
    assert isinstance(retrain(*families).exception, error)
    with store.begin() as connection:
        requests = connection.execute(select(RetrainRequestRow.rule, RetrainRequestRow.run_id)).all()
        assert [tuple(request) for request in requests] == [("drift", None)]
        assert connection.scalar(select(func.count()).select_from(SnapshotRow)) == 0


def test_a_family_that_cannot_be_trained_is_told_and_the_others_are_decided_on(retrain, store, settings, tweets):
    bootstrap.run(store, settings)
    done = retrain("tweet_roberta", "count_logreg")
    assert done.exit_code == 0, done.exception
    told = json.loads(done.stdout)
    assert len(told["decisions"]) == 1
    assert "hf download nobody/has-this" in told["failed"]["tweet_roberta"]


def test_a_retrain_that_repeats_another_is_refused_before_anything_is_claimed(retrain, store, settings, tweets):
    bootstrap.run(store, settings)
    with store.in_use("retrain"):
        refused = retrain("count_logreg").exception
    assert isinstance(refused, DuplicateRetrain)
    assert "Another `sentiment retrain` is running" in str(refused)
    assert retrain("count_logreg").exit_code == 0
    later = clock.now() + timedelta(days=30)  # after the cool-down
    assert request_retrain.request_retrain(store, settings, rule="person", reason="a wish", at=later)
    refused = retrain("count_logreg").exception
    assert isinstance(refused, DuplicateRetrain)
    assert re.search(r"judged on the same labels 0 minutes ago, decision 1 \(\w+\).*with --anyway", str(refused))
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM retrain_requests WHERE run_id IS NULL")) == 1
        assert connection.scalar(text("SELECT count(*) FROM ledger WHERE kind = 'look'")) == 1
    assert not isinstance(retrain("count_logreg", more=("--anyway",)).exception, DuplicateRetrain)
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "SELECT max(tweet_id), 'neutral', 'person', 'ann', now() FROM tweets"
            )
        )
    assert retrain("count_logreg").exit_code == 0, "a new label makes it another question"


def test_a_retrain_says_that_its_request_supersedes_the_one_that_waits(retrain, store, settings, decided):
    number = decided.decision.decision_id
    with store.begin() as connection:
        version = connection.execute(text("SELECT max(version) FROM model_versions")).scalar_one()
    done = retrain("tfidf_logreg", more=("--anyway",))
    assert done.exit_code == 0, done.exception
    told = json.loads(done.stdout)
    assert told["superseded_decisions"] == ([number] if told["question"] else [])
    assert told["decisions"][0]["candidate_version"] >= version
    assert duplicate_retrain.what_becomes_of([number]).startswith(f"Waiting for an answer: decision {number}. ")


def test_airflows_run_that_may_still_train_refuses_one_by_hand(retrain, tweets, monkeypatch):
    asked = []

    class Airflow:
        @classmethod
        def of_platform(cls, _):
            return cls()

        def call(self, method, path):
            asked.append((method, path))
            return {"dag_runs": [{"dag_run_id": "asset_triggered__1"}]}

    monkeypatch.setattr(duplicate_retrain, "AirflowClient", Airflow)
    refused = retrain("count_logreg", airflow_user="service").exception
    assert isinstance(refused, DuplicateRetrain)
    assert "run asset_triggered__1" in str(refused)
    assert asked == [("GET", "/dags/retrain/dagRuns?state=queued&state=running&order_by=-start_date&limit=20")]


def test_when_no_family_can_be_trained_the_first_reason_is_the_error(retrain, tweets):
    assert isinstance(retrain("tweet_roberta").exception, MissingWeights)
