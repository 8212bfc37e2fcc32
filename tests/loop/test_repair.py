"""A version that somebody deleted in MLflow is registered again; the platform goes on calling it by its number."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from sentiment_lib.encryption import age
from sentiment_lib.errors import VersionDeleted
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.backup import archive, manifest
from sentiment_lib.steps.deployment import promote, rollback
from sentiment_lib.steps.operations import reconcile, repair, verify
from sentiment_lib.steps.scoring import score
from sentiment_lib.storage import ledger, model_versions


@pytest.fixture
def registry(settings):
    return Registry(settings)


@pytest.fixture
def deleted(store, settings, decided, say, registry):
    """Version 2 is the champion, and somebody deleted it in MLflow."""
    assert say(decided.question).response == "approved"
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    registry.client.delete_model_version(settings.mlflow_model, "2")
    reconcile.run(store, settings)
    assert open_alerts(store) == ["champion_deleted"]
    return decided.version


@pytest.fixture
def logged_model(registry, deleted):
    """Folder of the model that MLflow stores for the version; other tests share it, so it is put back."""
    wanted = f"source_run_id = '{deleted.run_id}'"
    (logged,) = registry.client.search_logged_models([registry.experiment()], filter_string=wanted)
    folder = Path(logged.artifact_location.removeprefix("file://"))
    yield folder
    if folder.with_name("away").exists():
        folder.with_name("away").rename(folder)


def open_alerts(store):
    with store.begin() as connection:
        return list(connection.execute(text("SELECT kind FROM alerts WHERE resolved_at IS NULL")).scalars())


def repairs(store):
    with store.begin() as connection:
        return [entry.facts() for entry in ledger.genuine_entries(connection, ("repair",))]


def test_from_the_cache_and_everything_goes_on_as_before(store, settings, deleted, registry, add_tweets):
    add_tweets(10)
    score.run(store, settings)
    result = repair.run(store, settings, by="mlops")
    assert (result.registered, result.lost, result.champion) == ({2: 3}, {}, 2)
    assert int(registry.client.get_model_version_by_alias(settings.mlflow_model, "champion").version) == 3
    assert (registry.alias("champion"), registry.get(2).registered_as) == (2, 3)
    assert open_alerts(store) == []
    (fact,) = repairs(store)
    assert fact == {"version": 2, "registered_as": 3, "digest": deleted.digest, "by": "mlops"}
    shutil.rmtree(registry.cache)
    assert score.run(store, settings).scored == 0, "nothing is scored again"
    add_tweets(10)
    assert score.run(store, settings).model_version == 2
    assert reconcile.run(store, settings).reconciled is None
    assert open_alerts(store) == []
    assert verify.run(store, settings).problems == ()
    again = repair.run(store, settings, by="mlops")
    assert (again.registered, again.champion, len(repairs(store))) == ({}, None, 1)
    rollback.by_hand(store, settings, to_version=1, reason="no longer wanted", by="mlops")
    rollback.by_hand(store, settings, to_version=2, reason="wanted again", by="mlops")
    assert registry.alias("champion") == 2


def test_from_what_mlflow_still_stores_though_the_run_was_deleted_too(store, settings, deleted, registry):
    shutil.rmtree(registry.cache)
    registry.client.delete_run(deleted.run_id)
    assert repair.run(store, settings, by="mlops").registered == {2: 3}
    assert registry.get(2).run_id == deleted.run_id
    assert registry.card(2).startswith("#")
    assert verify.run(store, settings).problems == ()


def test_from_a_backup_when_it_is_nowhere_else(store, settings, deleted, registry, logged_model, tmp_path):
    private, public = age.create_identity()
    folder = tmp_path / "backup"
    folder.mkdir()
    with archive.encrypted(folder / manifest.FILES, [age.parse_recipient(public)], []) as sink:
        archive.write(sink, {"mlflow": logged_model}, {})
    shutil.rmtree(registry.cache)
    logged_model.rename(logged_model.with_name("away"))
    result = repair.run(store, settings, by="mlops")
    assert (result.registered, result.champion) == ({}, None)
    assert "name a backup that has it" in result.lost[2]
    assert open_alerts(store) == ["champion_deleted"], "it is still not there"
    rescue = repair.Rescue(backup=folder, identities=age.parse_identities(private))
    assert repair.run(store, settings, by="mlops", rescue=rescue).registered == {2: 3}
    assert registry.load(2, deleted.digest).family == deleted.family


def test_killed_before_the_alias_nobody_is_said_to_have_moved_it(store, settings, deleted, registry, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(repair, "_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            repair.run(store, settings, by="mlops")
    assert registry.alias("champion") is None
    moves = "SELECT count(*) FROM deployments"
    with store.begin() as connection:
        before = connection.execute(text(moves)).scalar_one()
    assert reconcile.run(store, settings).reconciled is None
    assert registry.alias("champion") == 2
    with store.begin() as connection:
        assert connection.execute(text(moves)).scalar_one() == before
        assert model_versions.champion(connection).version == 2
    assert open_alerts(store) == ["champion_deleted"]
    assert repair.run(store, settings, by="mlops").registered == {}
    assert len(repairs(store)) == 1
    assert open_alerts(store) == []


def test_a_version_that_claims_the_place_of_another_without_signature_has_none(store, settings, deleted, registry):
    client, model = registry.client, settings.mlflow_model
    tags = {
        "stands_for": "2",
        "digest": deleted.digest,
        "family": deleted.family,
        "signature": registry.get(1).signature,
    }
    planted = client.create_model_version(model, source="/nowhere", run_id=deleted.run_id, tags=tags)
    with pytest.raises(VersionDeleted, match="sentiment repair"):
        registry.get(2)
    client.set_registered_model_alias(model, "champion", planted.version)
    assert registry.alias("champion") == int(planted.version)
    assert repair.run(store, settings, by="mlops").registered == {2: 4}
    assert registry.alias("champion") == 3, "it is not the repair's to say who moved it"
    assert reconcile.run(store, settings).reconciled.kind == "restored"
    assert registry.alias("champion") == 2
