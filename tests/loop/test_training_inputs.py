"""What a training is given beside its labelled rows, and how long it may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.errors import TrainingCancelled, TrainingRefused
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.training import inputs, reproduce, snapshot, train
from sentiment_lib.storage import model_versions, snapshots
from sentiment_lib.training_record import TrainingInputs, TrainingOrder, TrainingSpec


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
    version = train.run(store, settings, TrainingOrder(family="word2vec_logreg", **order))
    with store.begin() as connection:
        training, _ = model_versions.training_of(connection, version.version)
    assert training.inputs.unlabelled.rows == 40, "the 480 labelled rows are given with their labels"
    folder = Registry(settings).fetch(version.version, version.digest)
    known = (folder / "words.json").read_text()
    assert "turbulence" in known
    assert "gossip" not in known
    assert "api" not in known
    again = reproduce.run(store, settings, version=version.version)
    assert again.identical
    assert not [difference for difference in again.differences if "unlabelled" in difference]


def test_no_tweet_of_the_snapshot_is_given_without_its_label_and_later_labels_change_nothing(
    store, settings, changed, order, tmp_path
):
    unlabelled(store, 5000, 1, "turbulence everywhere ")
    with store.begin() as connection:
        frozen = snapshots.by_id(connection, order["snapshot_id"])
    spec = TrainingSpec(family="word2vec_logreg", seed=0, options={}, snapshot_hash=frozen.content_hash)

    def gathered(known, of):
        path = tmp_path / f"{of.snapshot_id}-{id(known)}.json"
        return inputs.collect_inputs(store, known, spec, of, None, path)

    given = gathered(settings, frozen)
    assert list(given.unlabelled) == [f"turbulence everywhere {number}" for number in range(5000, 5040)]
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                "VALUES (5000, 'negative', 'person', 'mlops', now())"
            )
        )
        connection.execute(text("DELETE FROM labels WHERE tweet_id = 1"))
    assert inputs.load_inputs(store, settings, given.record) == given
    later = snapshot.run(store, settings)
    assert len(gathered(settings, later).unlabelled) == 40, "one more, one fewer"
    few = changed(retrain={"unlabelled_rows": 10})
    assert list(gathered(few, frozen).unlabelled) == list(given.unlabelled[-10:])


def test_a_note_of_before_labelled_tweets_were_left_out_recalls_what_it_recalled(store, settings, order):
    unlabelled(store, 5000, 1, "turbulence everywhere ")
    with store.begin() as connection:
        frozen = snapshots.by_id(connection, order["snapshot_id"])
    query = {"before": frozen.split_at.isoformat(), "collected": datetime.now(UTC).isoformat(), "limit": 1000}
    record = TrainingInputs.from_json({"unlabelled": query})
    assert len(inputs.load_inputs(store, settings, record).unlabelled) == 480 + 40


def test_options_of_a_family_come_from_the_policy_unless_a_training_brings_its_own(store, changed, order):
    settings = changed(retrain={"options": {"tfidf_logreg": {"model": "complement_nb"}}})
    usual = train.run(store, settings, TrainingOrder(family="tfidf_logreg", **order))
    own = train.run(store, settings, TrainingOrder(family="tfidf_logreg", options={}, **order))
    with store.begin() as connection:
        options = [model_versions.training_of(connection, one.version)[0].options for one in (usual, own)]
    assert options == [{"model": "complement_nb"}, {}]
    assert reproduce.run(store, settings, version=usual.version).identical


def test_a_training_over_its_time_is_cancelled_and_registers_nothing(store, changed, order):
    settings = changed(retrain={"train_minutes": 1e-9})
    with pytest.raises(TrainingCancelled, match=r"tfidf_logreg .*policy\.retrain\.train_minutes"):
        train.run(store, settings, TrainingOrder(family="tfidf_logreg", **order))
    registry = Registry(settings)
    assert registry.client.search_model_versions(f"name = '{registry.name}'") == []


def test_a_family_that_begins_when_its_retrains_time_is_used_up_is_refused_unless_it_is_trained_already(
    store, settings, order, decided
):
    late = datetime.now(UTC) - timedelta(minutes=settings.policy.retrain.budget_minutes + 1)
    with pytest.raises(TrainingRefused, match="budget_minutes"):
        train.run(store, settings, TrainingOrder(family="count_logreg", run_started_at=late, **order))
    order["snapshot_id"] = decided.snapshot.snapshot_id
    assert (
        train.run(store, settings, TrainingOrder(family="tfidf_logreg", run_started_at=late, **order))
        == decided.version
    )
