"""Versions in MLflow that the platform did not register, or did not register so: never found, loaded or served."""

from __future__ import annotations

import shutil

import mlflow
import pytest
from sqlalchemy import text

from sentiment_lib.errors import UnsafeArtefact
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings
from sentiment_lib.steps.deployment import rollback
from sentiment_lib.steps.operations import reconcile, verify
from sentiment_lib.steps.training import train
from sentiment_lib.training_record import TrainingOrder, TrainingSpec

SEED = 5


@pytest.fixture
def registry(settings):
    return Registry(settings)


def plant(registry, decided, **tags):
    """Register the files of the candidate again, as somebody with a writing account would, with these tags."""
    # MLflow finds the files of a source by its process-wide address, which another test may have set
    mlflow.set_tracking_uri(registry.uri)
    mlflow.set_registry_uri(registry.uri)
    known = registry.client.get_model_version(registry.name, str(decided.version.version))
    planted = registry.client.create_model_version(
        registry.name, source=known.source, run_id=known.run_id, tags={**known.tags, **tags}
    )
    return int(planted.version)


def alerts(store):
    with store.begin() as connection:
        return connection.execute(text("SELECT kind, severity, dedup_key FROM alerts")).all()


def test_a_version_planted_with_the_training_key_of_the_next_training_is_not_found_but_alerted(
    store, settings, decided, registry
):
    spec = TrainingSpec(family="tfidf_logreg", seed=SEED, options={}, snapshot_hash=decided.snapshot.content_hash)
    # the signature of another version comes along and does not help
    planted = plant(registry, decided, training_key=train.training_key("retrain/next", spec))
    order = TrainingOrder(
        snapshot_id=decided.snapshot.snapshot_id, family="tfidf_logreg", run_key="retrain/next", seed=SEED, options={}
    )
    trained = train.run(store, settings, order)
    assert trained.version > planted
    assert trained.run_id != decided.version.run_id
    assert alerts(store) == [("unsigned_version", "critical", f"unsigned_version/{planted}")]
    assert train.run(store, settings, order) == trained


def test_a_planted_version_is_refused_by_each_door(store, settings, decided, registry, changed):
    planted = plant(registry, decided, signature="")
    with pytest.raises(UnsafeArtefact, match="did not sign it"):
        Registry(settings).require_signature(planted, decided.version.digest)
    shutil.rmtree(registry.cache, ignore_errors=True)
    for digest in (decided.version.digest, None):
        with pytest.raises(UnsafeArtefact, match="did not sign it"):
            registry.load(planted, digest)
    registry.set_alias("champion", planted)
    found = reconcile.run(store, changed(approval={"out_of_band": "adopt"}))
    assert found.reconciled.kind == "restored"
    assert registry.alias("champion") == 1


@pytest.mark.parametrize("tag", ["digest", "family", "training_key", "signature"])
def test_a_changed_tag_of_a_signed_version_is_found_and_the_version_refused(store, settings, decided, registry, tag):
    version = str(decided.version.version)
    value = registry.client.get_model_version(registry.name, "1").tags[tag]
    registry.client.set_model_version_tag(registry.name, version, tag, value)
    problems = verify.run(store, settings).problems
    assert any(problem.startswith(f"model version {version}:") for problem in problems), problems
    shutil.rmtree(registry.cache, ignore_errors=True)
    with pytest.raises(UnsafeArtefact, match="signature"):
        registry.load(decided.version.version, decided.version.digest)


def test_versions_from_before_the_first_key_are_signed_once_and_later_ones_never(store, settings, decided, registry):
    for version in ("1", str(decided.version.version)):
        registry.client.delete_model_version_tag(registry.name, version, "signature")
    assert len(verify.run(store, settings).problems) == 2
    reconcile.run(store, settings)
    assert len(verify.run(store, settings).problems) == 2, "they are younger than the key"

    # the same database and registry as an installation of an earlier release has them: without keys
    earlier = Settings(
        home=settings.home,
        mlflow_uri=settings.mlflow_uri,
        policy=settings.policy,
        signing_keys=settings.home / "secrets" / "new",
    )
    registry.client.set_model_version_tag(registry.name, "1", "digest", "0" * 64)
    reconcile.run(store, earlier)
    problems = verify.run(store, earlier).problems
    assert [problem for problem in problems if problem.startswith("model version")] == [
        "model version 1: the platform did not sign it"
    ]
    shutil.rmtree(registry.cache, ignore_errors=True)
    with pytest.raises(UnsafeArtefact, match="did not sign it"):
        rollback.by_hand(store, earlier, to_version=1, reason="back to VADER", by="mlops")
    assert Registry(earlier).load(decided.version.version, decided.version.digest).family == "tfidf_logreg"
