"""What MLflow's users find in a run: data sets, options, description, and no run of a refused request."""

from __future__ import annotations

import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.training import train
from sentiment_lib.storage import model_versions
from sentiment_lib.training_record import TrainingOrder


@pytest.fixture
def client(settings):
    return Registry(settings).client


def run_of(client, store, version):
    with store.begin() as connection:
        return client.get_run(model_versions.by_version(connection, version).run_id)


def test_a_training_has_its_snapshot_as_data_sets_its_options_and_a_description(client, store, decided):
    run = run_of(client, store, 2)
    snapshot = decided.snapshot
    found = {one.tags[0].value: one.dataset for one in run.inputs.dataset_inputs}
    assert set(found) == {"training", "evaluation"}
    assert found["training"].name == f"snapshot {snapshot.snapshot_id}, train"
    assert f'"num_rows": {snapshot.train_rows}' in found["training"].profile
    assert found["evaluation"].digest == snapshot.content_hash[:36]
    options = {name: value for name, value in run.data.params.items() if name.startswith("option.")}
    assert options["option.model"] == "logreg", "a default is logged as well"
    assert float(options["option.c"]) > 0, "what the family chose is logged"
    assert run.info.run_name.startswith(f"{run.data.params['family']} on snapshot {snapshot.snapshot_id} (")
    assert run.data.tags["mlflow.source.name"] == "airline-sentiment"
    assert run.data.tags["mlflow.user"] == run.data.tags["requested_by"].partition("/")[0]
    assert str(snapshot.train_rows) in run.data.tags["mlflow.note.content"].replace(",", "")


def test_the_lexicon_has_the_metrics_of_the_decision_and_the_experiment_opens_on_its_table(client, store, decided):
    metrics = run_of(client, store, 1).data.metrics
    assert 0 < metrics["macro_f1"] < 1
    experiment = client.get_experiment_by_name("airline-sentiment")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_request_that_is_refused_leaves_no_run(client, store, settings, decided):
    experiment = client.get_experiment_by_name("airline-sentiment").experiment_id
    before = len(client.search_runs([experiment]))
    order = TrainingOrder(
        snapshot_id=decided.snapshot.snapshot_id, family="tfidf_logreg", run_key="wish", options={"wrods": 2}
    )
    with pytest.raises(BadInput, match="wrods"):
        train.run(store, settings, order)
    assert len(client.search_runs([experiment])) == before
