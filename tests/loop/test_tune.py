"""A retrain with a search: the winner's options are the training's, its trials are runs, and it can be repeated."""

from __future__ import annotations

import ast
import json

import pytest

from sentiment_lib.errors import TrainingCancelled
from sentiment_lib.families import catalog
from sentiment_lib.families.tuning import successive_halving
from sentiment_lib.records import SyntheticRows
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.decisions import approval_summary, evaluate
from sentiment_lib.steps.decisions.replay import run as replay
from sentiment_lib.steps.deployment import bootstrap
from sentiment_lib.steps.training import reproduce, snapshot, train
from sentiment_lib.storage import decisions, model_versions
from sentiment_lib.training_record import TrainingOrder


@pytest.fixture
def order(store, settings, tweets):
    """Order of a training without its family."""
    return {"snapshot_id": snapshot.run(store, settings).snapshot_id, "run_key": "retrain/1"}


@pytest.fixture
def searching(changed):
    return changed(retrain={"search_trials": 4, "minimum_rows": 100})


@pytest.fixture
def weak_default(monkeypatch):
    """Every draw is far better than the default of made-up tweets, so that the winner is one of them."""
    monkeypatch.setattr(
        catalog.family("fasttext"), "search_space", lambda options: {"epochs": (40, 60), "rate": (0.5, 0.8)}
    )


def details(store, version):
    with store.begin() as connection:
        return model_versions.training_of(connection, version.version)[0].to_json()


def nested(registry, run_id):
    found = registry.client.search_runs([registry.experiment()], f"tags.mlflow.parentRunId = '{run_id}'")
    return [run for run in found if run.data.tags["mlflow.parentRunId"] == run_id]


def test_a_searched_training_registers_the_winners_options_and_reproduces(
    store, searching, order, weak_default, monkeypatch
):
    version = train.run(store, searching, TrainingOrder(family="fasttext", **order))
    training = details(store, version)
    note = training["search"]
    assert note["found"], note
    assert training["options"] == note["found"]
    assert (note["fixed_options"], note["requested_trials"], note["configurations"], note["failed"]) == ({}, 4, 4, 0)
    registry = Registry(searching)
    runs = nested(registry, version.run_id)
    assert len(runs) == note["trials"] == 4 + 3
    places = {(int(run.data.params["rung"]), int(run.data.params["configuration"])) for run in runs}
    assert {(0, 0), (1, 0), (1, note["winner"])} <= places
    for run in runs:
        assert run.info.status == "FINISHED"
        assert int(run.data.params["rows"]) == note["rungs"][int(run.data.params["rung"])]
        assert set(run.data.metrics) == {"log_loss", "macro_f1", "cpu_seconds"}
    options = {run.data.params["options"] for run in runs if run.data.params["configuration"] == str(note["winner"])}
    assert [ast.literal_eval(text) for text in options] == [note["found"]]
    parent = registry.client.get_run(version.run_id)
    assert ast.literal_eval(parent.data.params["options_found"]) == note["found"]
    assert parent.data.metrics["search_configurations"] == 4
    assert "Hyperparameter search, 4 configurations in 7 trials" in registry.card(version.version)
    assert not (searching.home / "checkpoints").exists() or not list((searching.home / "checkpoints").iterdir())

    monkeypatch.setattr(successive_halving, "search", lambda *_, **__: pytest.fail("searched again"))
    assert train.run(store, searching, TrainingOrder(family="fasttext", **order)) == version
    again = reproduce.run(store, searching, version=version.version)
    assert again.identical
    assert again.same_digest


def test_the_default_that_wins_is_the_package_that_a_training_without_a_search_gives(
    store, settings, searching, order, monkeypatch
):
    monkeypatch.setattr(catalog.family("count_logreg"), "search_space", lambda options: {"c": (1e-5,)})
    version = train.run(store, searching, TrainingOrder(family="count_logreg", **order))
    note = details(store, version)["search"]
    assert (note["winner"], note["found"], note["configurations"]) == (0, {}, 2)
    plain = train.run(store, settings, TrainingOrder(family="count_logreg", **{**order, "run_key": "retrain/2"}))
    assert plain.digest == version.digest
    assert "search" not in details(store, plain)


def test_the_evidence_says_how_many_options_were_tried_and_replays(store, searching, order, weak_default):
    bootstrap.run(store, searching)
    version = train.run(store, searching, TrainingOrder(family="fasttext", **order))
    decision = evaluate.run(
        store,
        searching,
        snapshot_id=order["snapshot_id"],
        candidate=version.version,
        requested_by="retrain/1",
    )
    with store.begin() as connection:
        record = decisions.full_record(connection, decision.decision_id)
        evidence = json.loads(record.evidence)
        asked = approval_summary.summarise(record, searching.policy.approval, None, SyntheticRows())
    assert "the best of 4 configurations" in asked
    note = details(store, version)["search"]
    assert evidence["candidate"]["search"] == {"configurations": 4, "trials": 7, "found": note["found"]}
    assert "search" not in evidence["champion"]
    assert replay(store, searching, decision_id=decision.decision_id).identical


def test_a_training_killed_after_its_search_takes_the_winner_and_searches_no_more(
    store, searching, order, weak_default, monkeypatch
):
    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sentiment_lib.steps.training.inputs.fit", die)
        with pytest.raises(KeyboardInterrupt):
            train.run(store, searching, TrainingOrder(family="fasttext", **order))
    monkeypatch.setattr(successive_halving, "search", lambda *_, **__: pytest.fail("searched again"))
    version = train.run(store, searching, TrainingOrder(family="fasttext", **order))
    note = details(store, version)["search"]
    assert note["found"]
    assert note["run_id"] != version.run_id
    assert len(nested(Registry(searching), note["run_id"])) == note["trials"]


def test_a_search_out_of_time_says_so_and_the_training_goes_on(store, changed, order):
    settings = changed(retrain={"search_trials": 4, "search_minutes": 1e-9, "minimum_rows": 100})
    version = train.run(store, settings, TrainingOrder(family="count_logreg", **order))
    training = details(store, version)
    assert training["options"] == {}
    assert "cancelled" in training["search"]["stopped"]
    assert training["search"]["complete"] == 0


def test_a_trial_that_fails_is_a_failed_run_with_its_reason(store, searching, order, monkeypatch):
    monkeypatch.setattr(catalog.family("count_logreg"), "search_space", lambda options: {"c": (0.3,), "words": (7,)})
    version = train.run(store, searching, TrainingOrder(family="count_logreg", **order))
    note = details(store, version)["search"]
    assert (note["failed"], note["found"]) == (1, {})
    failed = [run for run in nested(Registry(searching), version.run_id) if run.info.status == "FAILED"]
    assert len(failed) == 1
    assert "option words of count_logreg" in failed[0].data.tags["problem"]
    assert "log_loss" not in failed[0].data.metrics


def test_the_time_of_the_training_itself_still_cancels(store, changed, order):
    settings = changed(retrain={"search_trials": 2, "train_minutes": 1e-9, "minimum_rows": 100})
    with pytest.raises(TrainingCancelled):
        train.run(store, settings, TrainingOrder(family="count_logreg", **order))
