"""Trainings of a network in the loop: begun from the champion where that is right, and gone on with after a kill."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sqlalchemy import text

pytest.importorskip("torch")

from sentiment_lib.errors import NotEnoughLabels, TrainingRefused
from sentiment_lib.families.transformers import optimisation
from sentiment_lib.families.tuning import successive_halving
from sentiment_lib.records import AliasMove
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.decisions import evaluate, evidence, replay
from sentiment_lib.steps.deployment import bootstrap, champion_alias
from sentiment_lib.steps.operations import reconcile
from sentiment_lib.steps.training import inputs, reproduce, snapshot_files, train
from sentiment_lib.steps.training import snapshot as snapshot_step
from sentiment_lib.steps.training.cost import Stopwatch
from sentiment_lib.steps.training.time_budget import log_progress
from sentiment_lib.storage import decisions, deployments, ledger, model_versions, snapshots, training_rows
from sentiment_lib.storage.holdout_looks import Look
from sentiment_lib.training_record import TrainingOrder, TrainingSpec, VersionReference
from tests.unit.families.small_checkpoints import bert, roberta


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Options of a training that takes a second."""
    folder = bert(tmp_path_factory.mktemp("small-bert"))
    return {"checkpoint": str(folder), "epochs": 1, "precision": "fp32", "checkpoint_every": 5}


@pytest.fixture
def order(store, settings, tweets):
    """Order of a training without family and options."""
    return {"snapshot_id": snapshot_step.run(store, settings).snapshot_id, "run_key": "retrain/1"}


@pytest.fixture
def warm(changed):
    return changed(retrain={"warm_start": True, "minimum_rows": 100})


def training_of(store, version):
    with store.begin() as connection:
        return model_versions.training_of(connection, version.version)


def crown(store, settings, version):
    """Make that version the champion, without a question."""
    with store.begin() as connection:
        before = model_versions.champion(connection)
        intent = deployments.begin_move(
            connection,
            AliasMove(
                kind="adopted",
                from_version=before.version,
                to_version=version.version,
                reason="for this test",
                moved_by="test",
            ),
        )
    champion_alias.execute_move(store, Registry(settings), intent)


def gathered(store, settings, order, family, options, tmp_path):
    """Record of the inputs of such a training."""
    with store.begin() as connection:
        frozen = snapshots.by_id(connection, order["snapshot_id"])
    frame = snapshot_files.read(store, settings, frozen)
    spec = TrainingSpec(family=family, seed=0, options=options, snapshot_hash=frozen.content_hash)
    path = Path(mkdtemp(dir=tmp_path)) / "inputs.json"
    return inputs.collect_inputs(store, settings, spec, frozen, frame, path).record.to_json()


def killed_while_registering(store, settings, monkeypatch, **known):
    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "register", die)
        with pytest.raises(KeyboardInterrupt):
            train.run(store, settings, TrainingOrder(family="bert", **known))


def test_a_training_killed_on_its_way_into_the_registry_learns_nothing_twice(
    store, settings, order, quick, monkeypatch
):
    killed_while_registering(store, settings, monkeypatch, options=quick, **order)
    (kept,) = settings.checkpoints.iterdir()
    spent = json.loads((kept / "spent.json").read_text())
    assert spent["cpu"] > 0
    with monkeypatch.context() as patched:
        patched.setattr(optimisation, "take_step", lambda *_: pytest.fail("a step was repeated"))
        version = train.run(store, settings, TrainingOrder(family="bert", options=quick, **order))
    training, cost = training_of(store, version)
    assert training.circumstances["resumed"] == 1
    assert training.circumstances["device"] in ("cpu", "cuda")
    assert cost.train_cpu_seconds > spent["cpu"]
    assert not list(settings.checkpoints.iterdir()), "the version is known, and its checkpoints are left"
    again = reproduce.run(store, settings, version=version.version)
    assert (again.identical, again.same_digest) == (True, True), "that it was killed is in its package"


def test_a_warm_start_begins_at_the_same_version_though_the_champion_moved_after_a_kill(
    store, settings, warm, order, quick, add_tweets, monkeypatch, tmp_path
):
    bootstrap.run(store, settings)
    first, second = (
        train.run(store, settings, TrainingOrder(family="bert", options=quick, seed=seed, **order)) for seed in (0, 1)
    )
    crown(store, settings, first)
    add_tweets(200)
    order = {"snapshot_id": snapshot_step.run(store, settings).snapshot_id, "run_key": "retrain/2"}
    killed_while_registering(store, warm, monkeypatch, options=quick, **order)
    crown(store, settings, second)
    with monkeypatch.context() as patched:
        patched.setattr(optimisation, "take_step", lambda *_: pytest.fail("a step was repeated"))
        version = train.run(store, warm, TrainingOrder(family="bert", options=quick, **order))
    training, _ = training_of(store, version)
    assert training.inputs.start == VersionReference(version=first.version, digest=first.digest)
    assert reproduce.run(store, settings, version=version.version).identical
    with store.begin() as connection:
        assert training_rows.ancestors(connection, version.version) == (first.version,)

    assert gathered(store, settings, order, "bert", quick, tmp_path) == {}, "the policy does not ask for it"
    assert gathered(store, warm, order, "tfidf_logreg", {}, tmp_path) == {}, "the champion is of another family"
    given = {**quick, "start": "elsewhere"}
    assert gathered(store, warm, order, "bert", given, tmp_path) == {}, "the training brings its own"
    adapting = gathered(store, warm, order, "bert", {**quick, "pretrain_epochs": 1}, tmp_path)
    assert list(adapting) == ["start"], "tweets without labels are told of, and nobody reads them"


def test_a_champion_without_weights_or_of_another_checkpoint_is_no_start(store, settings, warm, order, quick, tmp_path):
    bootstrap.run(store, settings)
    (tmp_path / "roberta").mkdir()
    own = {"checkpoint": str(roberta(tmp_path / "roberta"))}
    as_it_is = train.run(store, settings, TrainingOrder(family="tweet_roberta", options=own, **order))
    crown(store, settings, as_it_is)
    fine_tuned = {**own, "fine_tune": True}
    assert gathered(store, warm, order, "tweet_roberta", fine_tuned, tmp_path) == {}
    assert gathered(store, warm, order, "tweet_roberta", own, tmp_path) == {}
    taught = train.run(store, settings, TrainingOrder(family="bert", options=quick, **order))
    crown(store, settings, taught)
    assert "start" in gathered(store, warm, order, "bert", quick, tmp_path)
    (tmp_path / "other").mkdir()
    other = {**quick, "checkpoint": str(bert(tmp_path / "other", seed=1))}
    assert gathered(store, warm, order, "bert", other, tmp_path) == {}


def test_trials_of_a_search_begin_from_the_checkpoint(store, settings, warm, order, quick, changed, monkeypatch):
    bootstrap.run(store, settings)
    crown(store, settings, train.run(store, settings, TrainingOrder(family="bert", options=quick, **order)))
    asked = {}

    def nothing_found(*_, options, **__):
        asked.update(options)
        return successive_halving.Outcome()

    monkeypatch.setattr(successive_halving, "search", nothing_found)
    searching = changed(retrain={"warm_start": True, "search_trials": 2, "minimum_rows": 100})
    version = train.run(store, searching, TrainingOrder(family="bert", options=quick, seed=5, **order))
    assert training_of(store, version)[0].inputs.start
    assert asked == quick


def goes_on_from(store, version, start):
    """Write into the record that the version started from another."""
    with store.begin() as connection:
        connection.execute(
            text("UPDATE model_versions SET training = training || CAST(:inputs AS jsonb) WHERE version = :version"),
            {"inputs": json.dumps({"inputs": {"start": {"version": start, "digest": "d"}}}), "version": version},
        )
        # and into the ledger, without which nobody would act on it
        query = text("SELECT training FROM model_versions WHERE version = :version")
        training = connection.execute(query, {"version": version}).scalar_one()
        recorded = ledger.find_genuine(connection, "training", {"version": version})
        ledger.append(connection, "training", {**recorded.facts(), "training": training})


def test_rows_that_a_version_before_the_one_before_learned_from_judge_nothing(store, settings, decided, add_tweets):
    """The candidate goes on from version 1, and that one from a version that learned from the holdout's rows."""
    add_tweets(200)
    frozen = snapshot_step.run(store, settings)
    known = {"snapshot_id": frozen.snapshot_id, "run_key": "retrain/2"}
    taught = train.run(store, settings, TrainingOrder(family="count_logreg", **known))
    goes_on_from(store, decided.version.version, 1)
    asked = {"candidate": decided.version.version, "requested_by": "retrain/2", "snapshot_id": frozen.snapshot_id}
    decision = evaluate.run(store, settings, **asked)
    with store.begin() as connection:
        found = decisions.full_record(connection, decision.decision_id).evidence
    assert json.loads(found)["candidate"]["learned_from_versions"] == [1]
    assert replay.run(store, settings, decision_id=decision.decision_id).identical

    goes_on_from(store, 1, taught.version)
    case = evidence.collect_case(
        store,
        settings.policy.gate,
        snapshot_id=decided.snapshot.snapshot_id,
        candidate=decided.version.version,
        champion=1,
        look=Look(looks_before=0, budget=None),
    )
    assert (case.candidate.ancestors, case.champion.ancestors) == ((1, taught.version), (taught.version,))
    with pytest.raises(NotEnoughLabels):
        evidence.compute(store, case, settings, settings.policy.gate)
    # what was decided before anyone followed them still has the same bytes
    assert replay.run(store, settings, decision_id=decided.decision.decision_id).identical


def test_checkpoints_of_trainings_that_nobody_went_on_with_are_removed(store, settings):
    bootstrap.run(store, settings)
    now = datetime.now(UTC)
    for name, days in (("given up", 8), ("over the weekend", 3), ("at work", 8)):
        path = settings.checkpoints / name / "fold-0" / "training.safetensors"
        path.parent.mkdir(parents=True)
        path.touch()
        then = (now - timedelta(days=days)).timestamp()
        for one in (path, path.parent, path.parent.parent):
            os.utime(one, (then, then))
    os.utime(settings.checkpoints / "at work" / "fold-0" / "training.safetensors")
    assert reconcile.run(store, settings).removed == 1
    assert {path.name for path in settings.checkpoints.iterdir()} == {"over the weekend", "at work"}


def test_time_that_earlier_tries_took_counts(tmp_path):
    watch = Stopwatch(tmp_path / "spent.json")
    with watch.running():
        sum(range(300_000))
    assert watch.cpu > 0
    again = Stopwatch(tmp_path / "spent.json")
    assert (again.wall, again.cpu) == (watch.wall, watch.cpu)
    with again.running():
        sum(range(300_000))
    assert again.cpu > watch.cpu
    (tmp_path / "spent.json").write_text('{"wall": 61, "cpu": 1}')
    assert not log_progress(1, "train_minutes", Stopwatch(tmp_path / "spent.json"))(0.1, "step 1 of 9")
    assert log_progress(2, "train_minutes", Stopwatch(tmp_path / "spent.json"))(0.1, "step 1 of 9")
    assert log_progress(1, "train_minutes", Stopwatch())(0.1, "step 1 of 9")


def test_a_champion_teaches_and_its_rows_and_those_behind_it_judge_nothing(store, settings, order, quick):
    bootstrap.run(store, settings)
    taught = {**quick, "distillation": 0.5}
    with pytest.raises(TrainingRefused, match=r"needs a champion that can teach, but version 1 learned from no tweets"):
        train.run(store, settings, TrainingOrder(family="bert", options=taught, **order))
    teacher = train.run(store, settings, TrainingOrder(family="tfidf_logreg", options={}, **order))
    crown(store, settings, teacher)
    pupil = train.run(store, settings, TrainingOrder(family="bert", options=taught, **order))
    training, _ = training_of(store, pupil)
    assert training.inputs.teacher == VersionReference(version=teacher.version, digest=teacher.digest)
    assert reproduce.run(store, settings, version=pupil.version).identical
    with store.begin() as connection:
        assert training_rows.ancestors(connection, pupil.version) == (teacher.version,)
    description = Registry(settings).client.get_model_version(Registry(settings).name, str(pupil.version)).description
    assert f"Distilled from version {teacher.version}" in description
