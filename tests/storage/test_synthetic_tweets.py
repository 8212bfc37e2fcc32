"""Synthetic tweets teach and judge only while no real tweet has a label."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.errors import NotEnoughLabels
from sentiment_lib.records import SyntheticRows
from sentiment_lib.settings import Settings
from sentiment_lib.steps.training import snapshot
from sentiment_lib.storage import snapshots

START = datetime(2026, 3, 1, tzinfo=UTC)
LABELS = ("negative", "neutral", "positive")


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def add(store, ids, *, synthetic, source="dataset"):
    """Labelled tweets with these ids, one an hour."""
    values = [
        {"id": number, "at": START + timedelta(hours=number), "synthetic": synthetic, "label": LABELS[number % 3]}
        for number in ids
    ]
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, synthetic, ingest_id) "
                "SELECT :id, 'words', :at, :synthetic, max(ingest_id) FROM ingests"
            ),
            values,
        )
        connection.execute(
            text(
                "INSERT INTO labels (tweet_id, label, source, labelled_at, labelled_by) "
                f"VALUES (:id, :label, '{source}', :at, 'somebody')"
            ),
            values,
        )


def synthetic_rows(store, taken):
    with store.begin() as connection:
        return snapshots.synthetic_rows(connection, taken.snapshot_id)


def test_without_real_labels_the_sample_is_used_and_counted(store, settings):
    add(store, range(1, 801), synthetic=True)
    taken = snapshot.run(store, settings)
    assert synthetic_rows(store, taken) == SyntheticRows(train=taken.train_rows, holdout=taken.holdout_rows)


def test_real_labels_end_the_use_of_synthetic_tweets(store, settings):
    add(store, range(1, 801), synthetic=True)
    add(store, range(1001, 1801), synthetic=False)
    taken = snapshot.run(store, settings)
    assert not synthetic_rows(store, taken)
    assert taken.train_rows + taken.holdout_rows == 800


def test_one_real_label_is_enough_and_the_error_says_why_rows_are_missing(store, settings):
    add(store, range(1, 801), synthetic=True)
    add(store, [1001], synthetic=False, source="audit")
    with pytest.raises(NotEnoughLabels, match="on real tweets"):
        snapshot.run(store, settings)


def test_feedback_on_a_typed_text_does_not_end_it(store, settings):
    add(store, range(1, 801), synthetic=True)
    add(store, [1001], synthetic=False, source="feedback")
    assert synthetic_rows(store, snapshot.run(store, settings)).holdout > 0
