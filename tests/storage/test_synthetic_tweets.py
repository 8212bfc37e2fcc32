"""Synthetic tweets teach and judge only while no real tweet has a label, go on in real time, and can be removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from sentiment_lib.errors import NotEnoughLabels
from sentiment_lib.records import SyntheticRows
from sentiment_lib.settings import Settings
from sentiment_lib.sources import living_sample
from sentiment_lib.sources.sample_stream import SampleStream
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.operations import remove_sample
from sentiment_lib.steps.training import snapshot
from sentiment_lib.storage import audit, ledger, snapshots
from sentiment_lib.storage.engine import Store
from tests.conftest import as_role, deploy

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


def test_what_is_real_stays_when_the_sample_is_removed(store, settings):
    add(store, range(1, 801), synthetic=True)
    taken = snapshot.run(store, settings)
    add(store, range(801, 821), synthetic=False)
    with store.begin() as connection:
        for statement in (
            "INSERT INTO model_versions (version, family, digest, run_id, snapshot_id, training_key) "
            "VALUES (1, 'vader', 'd', 'r', (SELECT min(snapshot_id) FROM snapshots), 'k')",
            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
            "SELECT tweet_id, 1, 'negative', 1, 0, 0 FROM tweets",
            "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) "
            "SELECT tweet_id, model_version, 0.5 FROM predictions",
            "INSERT INTO feedback (tweet_id, model_version, label, given_by) "
            "SELECT tweet_id, model_version, 'neutral', 'ann' FROM predictions",
            "INSERT INTO label_picks (tweet_id, model_version, kind, person, position, handed_at, state, finished_at, "
            "label, label_id) "
            "SELECT p.tweet_id, model_version, 'uncertain', 'ann', tweet_id, now(), 'labelled', now(), "
            "'neutral', label_id FROM predictions p JOIN labels USING (tweet_id)",
            "INSERT INTO drift_reports (model_version, reference_start, reference_end, current_start, current_end, "
            "verdict, signals) SELECT 1, '2026-03-01', '2026-03-02', day, day + interval '1 day', 'drift', '[]' "
            "FROM (VALUES (timestamptz '2026-03-05Z'), ('2026-06-01Z')) days (day)",
        ):
            connection.execute(text(statement))
        deploy(connection, 1)
    living_sample.begin(settings.home, START)
    removed = remove_sample.run(store, settings, by="ann")
    assert (removed.tweets, removed.ended, removed.champion, removed.champion_is_synthetic) == (800, True, 1, True)
    tables = ("tweets", "predictions", "labels", "audit_sample", "feedback", "label_picks")
    with store.begin() as connection:
        left = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}
        reports = connection.execute(text("SELECT current_start FROM drift_reports")).scalars().all()
        assert [*ledger.broken(connection), *audit.snapshot_rows(connection)] == []
    assert left == dict.fromkeys(tables, 20)
    assert [report.month for report in reports] == [6]
    # the snapshot still says what it rests on
    assert synthetic_rows(store, taken) == SyntheticRows(train=taken.train_rows, holdout=taken.holdout_rows)
    assert remove_sample.run(store, settings, by="ann").tweets == 0
    assert living_sample.begin(settings.home, START) is None, "it does not begin again"


def test_a_database_role_removes_synthetic_tweets_and_no_others(store, database_url, settings):
    add(store, range(1, 11), synthetic=True)
    add(store, range(11, 21), synthetic=False)
    app = Store(as_role(database_url, "sentiment_app"))
    console = Store(as_role(database_url, "sentiment_console"))
    try:
        with pytest.raises(ProgrammingError), app.begin() as connection:
            connection.execute(text("DELETE FROM tweets WHERE synthetic"))
        with pytest.raises(ProgrammingError), console.begin() as connection:
            connection.execute(text("SELECT remove_synthetic_tweets()"))
        assert remove_sample.run(app, settings, by="ann").tweets == 10
    finally:
        app.close()
        console.close()


def test_the_sample_goes_on_in_real_time_until_it_is_ended(store, settings):
    settings = settings.model_copy(update={"author_key": SecretStr("key of the tests")})
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2, hours=3)
    began = living_sample.begin(settings.home, start)
    ingest.run(store, settings, SampleStream(start=began, days=1, per_day=50))
    (first,) = ingest.run_polled(store, settings)
    per_hour = settings.sample_per_day / 24
    assert first.stored == pytest.approx(24 * per_hour, abs=80), "a day at most is caught up"
    assert ingest.run_polled(store, settings) == [], "nothing is due"
    with store.begin() as connection:
        connection.execute(text("DELETE FROM labels WHERE tweet_id IN (SELECT max(tweet_id) FROM tweets)"))
        newest = connection.execute(
            text("DELETE FROM tweets WHERE tweet_id = (SELECT max(tweet_id) FROM tweets) RETURNING *")
        )
        lost = newest.mappings().one()
    assert ingest.run_polled(store, settings)[0].stored == 1
    with store.begin() as connection:
        again = connection.execute(text("SELECT * FROM tweets ORDER BY tweet_id DESC LIMIT 1")).mappings().one()
    assert {key: again[key] for key in ("tweet_id", "text", "created_at", "synthetic")} == {
        key: lost[key] for key in ("tweet_id", "text", "created_at", "synthetic")
    }
    assert again["synthetic"]
    quiet = settings.model_copy(update={"sample_per_day": 0})
    assert living_sample.connect(quiet, lambda: 1) is None
    assert living_sample.end(settings.home)
    with store.begin() as connection:
        connection.execute(text("DELETE FROM labels WHERE tweet_id = :id"), {"id": again["tweet_id"]})
        connection.execute(text("DELETE FROM tweets WHERE tweet_id = :id"), {"id": again["tweet_id"]})
    assert ingest.run_polled(store, settings) == []
