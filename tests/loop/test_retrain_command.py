"""`sentiment retrain`: families that there are, each once; one that fails does not stop the others."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest
import typer
from sqlalchemy import func, select
from typer.testing import CliRunner

from sentiment_lib.cli.models import training as commands
from sentiment_lib.errors import BadInput, MissingWeights, UnknownFamily
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.steps.training import request_retrain
from sentiment_lib.storage.tables import RetrainRequestRow, SnapshotRow

#: Nobody has this checkpoint.
WITHOUT = {"tweet_roberta": {"checkpoint": "nobody/has-this@" + "0" * 40}}


@pytest.fixture
def retrain(store, changed, sign_in_as, monkeypatch):
    app = typer.Typer()
    commands.register(app)
    settings = sign_in_as("me", changed(retrain={"options": WITHOUT}))
    monkeypatch.setattr(commands, "open_store", lambda: nullcontext((store, settings)))

    def typed(*families):
        words = [word for family in families for word in ("--family", family)]
        return CliRunner().invoke(app, ["retrain", "--json", *words])

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


def test_when_no_family_can_be_trained_the_first_reason_is_the_error(retrain, tweets):
    assert isinstance(retrain("tweet_roberta").exception, MissingWeights)
