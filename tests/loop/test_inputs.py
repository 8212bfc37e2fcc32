"""What a training is given beside its labelled rows, and how long it may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.errors import TrainingCancelled, TrainingRefused
from sentiment_lib.families import catalog
from sentiment_lib.registry.models import Registry
from sentiment_lib.steps import learning, reproduce, snapshot, train
from sentiment_lib.storage import models


@pytest.fixture
def order(store, settings, tweets):
    """Order of a training without its family."""
    return {"snapshot_id": snapshot.run(store, settings).snapshot_id, "run_key": "retrain/1"}


def unlabelled(store, first, minute, words, *, source="test"):
    """40 tweets without labels, all written in that minute of the year."""
    with store.begin() as connection:
        ingest = connection.execute(
            text("INSERT INTO ingests (source) VALUES (:source) RETURNING ingest_id"), {"source": source}
        ).scalar_one()
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) SELECT id, :words || id, "
                "timestamptz '2026-01-01 00:00:30+00' + :minute * interval '1 minute', :ingest "
                "FROM generate_series(CAST(:first AS bigint), :first + 39) id"
            ),
            {"first": first, "minute": minute, "words": words, "ingest": ingest},
        )


def test_word_vectors_learn_from_tweets_without_labels_but_not_from_the_time_of_the_holdout(store, settings, order):
    pytest.importorskip("gensim")
    unlabelled(store, 5000, 1, "turbulence everywhere ")
    unlabelled(store, 6000, 590, "holdout gossip ")
    unlabelled(store, 7000, 1, "through api ", source="api")
    version = train.run(store, settings, family="word2vec_logreg", **order)
    with store.begin() as connection:
        training, _ = models.details(connection, version.version)
    assert training["inputs"]["unlabelled"]["rows"] == 480 + 40
    folder = Registry(settings).fetch(version.version, version.digest)
    known = (folder / "words.json").read_text()
    assert "turbulence" in known
    assert "gossip" not in known
    assert "api" not in known
    again = reproduce.run(store, settings, version=version.version)
    assert again.identical
    assert not [difference for difference in again.differences if "unlabelled" in difference]


def test_options_of_a_family_come_from_the_policy_unless_a_training_brings_its_own(store, changed, order):
    settings = changed(retrain={"options": {"tfidf_logreg": {"model": "complement_nb"}}})
    usual = train.run(store, settings, family="tfidf_logreg", **order)
    own = train.run(store, settings, family="tfidf_logreg", options={}, **order)
    with store.begin() as connection:
        options = [models.details(connection, one.version)[0]["options"] for one in (usual, own)]
    assert options == [{"model": "complement_nb"}, {}]
    assert reproduce.run(store, settings, version=usual.version).identical


def test_a_training_over_its_time_is_cancelled_and_registers_nothing(store, changed, order):
    settings = changed(retrain={"train_minutes": 1e-9})
    with pytest.raises(TrainingCancelled, match=r"tfidf_logreg .*policy\.retrain\.train_minutes"):
        train.run(store, settings, family="tfidf_logreg", **order)
    registry = Registry(settings)
    assert registry.client.search_model_versions(f"name = '{registry.name}'") == []


def test_a_family_that_begins_when_its_retrains_time_is_used_up_is_refused_unless_it_is_trained_already(
    store, settings, order, decided
):
    late = datetime.now(UTC) - timedelta(minutes=settings.policy.retrain.budget_minutes + 1)
    with pytest.raises(TrainingRefused, match="budget_minutes"):
        train.run(store, settings, family="count_logreg", began=late, **order)
    order["snapshot_id"] = decided.snapshot.snapshot_id
    assert train.run(store, settings, family="tfidf_logreg", began=late, **order) == decided.version


def test_a_champion_of_the_family_is_where_a_warm_start_begins(store, settings, changed, decided, monkeypatch):
    with store.begin() as connection:
        champion = models.champion(connection)
    order = {"family": champion.family, "options": {}}
    warm = changed(retrain={"warm_start": True})
    monkeypatch.setattr(catalog, "RESUMABLE", frozenset({champion.family}))
    found = learning.gather(store, warm, order, decided.snapshot)
    assert found.note["start"] == {"version": champion.version, "digest": champion.digest}
    assert found.options["start"] == str(Registry(warm).fetch(champion.version, champion.digest))
    assert learning.recall(store, settings, found.note).options == found.options
    assert learning.gather(store, settings, order, decided.snapshot).note == {}, "the policy did not ask for it"
    other = {"family": "bert", "options": {}}
    assert learning.gather(store, warm, other, decided.snapshot).note == {}, "the champion is of another family"
