"""What was forgotten is refused by every way in, counted as such, and its tombstone tells nothing."""

from __future__ import annotations

import csv as csv_module
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib import clock
from sentiment_lib.errors import TombstoneKeyMissing
from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.serving import api_keys, spool_sink
from sentiment_lib.serving.spool import encode_batch
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.labelling import import_labels
from sentiment_lib.storage import erasure_requests, grants, tombstones
from sentiment_lib.storage.engine import Store
from sentiment_lib.text.privacy import author_hash
from sentiment_lib.tombstone_key import TombstoneKey
from tests.conftest import as_role

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_000
#: More than a chunk of the validation, so that some rows are checked together and some alone.
ROWS = 700


@pytest.fixture
def api(database_url, settings):
    """The store of the API."""
    opened = Store(as_role(database_url, grants.API), tombstones=settings.tombstones)
    yield opened
    opened.close()


def write(path, ids, *, author="ann", created="2026-01-01T00:00:00Z"):
    with path.open("w", newline="") as file:
        writer = csv_module.writer(file)
        writer.writerow(["tweet_id", "text", "author", "created_at", "label"])
        for number in ids:
            writer.writerow([number, f"@united late again {number}", f"{author}{number % 10}", created, "negative"])
    return path


def forget(store, ids, *, author=None, kind="tweets"):
    request = erasure_requests.NewRequest(
        kind=kind,
        requested_by="ann",
        due_at=datetime.now(UTC) + timedelta(days=1),
        author_hash=author,
    )
    with store.begin() as connection:
        return erasure_requests.insert(connection, request, ids, refuse=ids)


def ask(store, query):
    with store.begin() as connection:
        return connection.execute(text(query)).scalar_one()


def test_forgotten_tweets_are_refused_by_an_ingest_with_their_labels_and_the_four_add_up(store, settings, tmp_path):
    ids = range(FIRST, FIRST + ROWS)
    gone = [FIRST + 3, FIRST + 400, FIRST + ROWS - 1]
    forget(store, gone)
    path = write(tmp_path / "again.csv", [*ids, ids[0]])
    with path.open("a") as file:
        file.write(f"{gone[0]},late,ann,no date,negative\n")  # a row that would be quarantined with all it says
        file.write(f"7,late,ann,no date,{gone[1]}\n")
        file.write("8,late,ann,no date,negative\n")
    result = ingest.run(store, settings, FileSource(path))
    assert (result.received, result.stored, result.duplicate, result.quarantined, result.forgotten) == (
        ROWS + 4,
        ROWS - 3,
        1,
        1,
        5,
    )
    with store.begin() as connection:
        stored = set(connection.execute(text("SELECT tweet_id FROM tweets")).scalars())
        labelled = set(connection.execute(text("SELECT tweet_id FROM labels")).scalars())
    assert stored == labelled == set(ids) - set(gone)
    assert ask(store, "SELECT count(*) FROM quarantine") == 1
    assert ask(store, "SELECT forgotten FROM ingests") == 5


def test_every_tweet_of_a_forgotten_author_is_refused(store, settings, tmp_path):
    forget(store, [], author=author_hash("@Ann4", b"key of the tests"))
    result = ingest.run(store, settings, FileSource(write(tmp_path / "t.csv", range(FIRST, FIRST + 100))))
    assert (result.stored, result.forgotten) == (90, 10)


def test_an_ingest_that_brings_only_forgotten_tweets_is_no_error(store, settings, tmp_path):
    forget(store, [FIRST])
    result = ingest.run_file(store, settings, FileSource(write(tmp_path / "t.csv", [FIRST])))
    assert (result.received, result.forgotten) == (1, 1)


def test_labels_of_forgotten_tweets_are_counted_apart_from_those_of_unknown_ones(store, settings, tmp_path):
    ingest.run(store, settings, FileSource(write(tmp_path / "t.csv", [FIRST])))
    forget(store, [FIRST + 1])
    path = tmp_path / "labels.csv"
    path.write_text(f"tweet_id,label\n{FIRST},neutral\n{FIRST + 1},neutral\n{FIRST + 2},neutral\n")
    result = import_labels.run(store, FileSource(path, "labels"), by="ann")
    assert (result.received, result.person, result.forgotten, result.refused) == (3, 1, 1, 1)


def test_predictions_and_feedback_that_the_spool_still_holds_are_dropped_and_counted(store, api):
    values = "(1, 'vader', 'd', 'r', 'k')"
    with store.begin() as connection:
        connection.execute(
            text(f"INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES {values}")
        )
    api_keys.create(store, "k", ("feedback",))
    typed = API_IDS_FROM + 5
    forget(store, [typed])
    lines = [
        {
            "kind": "prediction",
            "tweet_id": number,
            "version": 1,
            "text": "late",
            "label": "negative",
            "at": "2026-03-01T12:00:00+00:00",
            "p_negative": 1.0,
            "p_neutral": 0.0,
            "p_positive": 0.0,
        }
        for number in (typed, typed + 1)
    ]
    said = {"kind": "feedback", "version": 1, "label": "neutral", "given_by": "k", "at": "2026-03-01T12:01:00+00:00"}
    batches = [encode_batch(lines), encode_batch([{**said, "tweet_id": line["tweet_id"]} for line in lines])]
    spool_sink.store_batches(api, batches)
    assert ask(store, "SELECT array_agg(tweet_id) FROM tweets") == [typed + 1]
    assert ask(store, "SELECT count(*) FROM feedback") == 1
    with store.begin() as connection:
        (row,) = connection.execute(text("SELECT received, stored, duplicate, forgotten FROM ingests")).all()
    assert tuple(row) == (2, 1, 0, 1)


def test_a_refused_row_of_a_forgotten_author_stays_in_no_file(store, settings):
    forget(store, [], author=author_hash("@Ann4", b"key of the tests"))
    settings.landing.mkdir(parents=True, exist_ok=True)
    write(settings.landing / "bad.csv", range(FIRST, FIRST + 10), created="some day")
    (result,) = ingest.run_landing(store, settings)
    assert (result.quarantined, result.forgotten) == (9, 1)
    (kept,) = settings.landing.rglob("*bad.csv")
    assert "ann4" not in kept.read_text()
    assert "ann5" in kept.read_text()


def test_a_tombstone_holds_neither_the_id_nor_the_author_and_another_key_gives_another(store, settings, tmp_path):
    author = author_hash("ann", b"key of the tests")
    forget(store, [FIRST], author=author)
    with store.begin() as connection:
        rows = connection.execute(text("SELECT hash::text || kind || key_id FROM tombstones")).scalars().all()
    assert len(rows) == 2
    assert not any(str(FIRST) in row or author.hex() in row for row in rows)
    path = settings.home / "secrets" / "tombstone-key.json"
    assert path.stat().st_mode & 0o777 == 0o600
    other = TombstoneKey(tmp_path / "other.json").create()
    assert other.of_tweet(FIRST) != settings.tombstones.of_tweet(FIRST)
    assert other.create().key_id == TombstoneKey(other.path).key_id, "made once"


def test_without_the_key_of_the_tombstones_nothing_comes_in(store, settings, tmp_path, database_url):
    forget(store, [FIRST])
    path = settings.home / "secrets" / "tombstone-key.json"
    path.write_text(json.dumps({"key": "00" * 32}))
    other = Store(database_url, tombstones=TombstoneKey(path))
    with pytest.raises(TombstoneKeyMissing, match="another key"):
        ingest.run(other, settings, FileSource(write(tmp_path / "t.csv", [FIRST])))
    path.unlink()
    missing = Store(database_url, tombstones=TombstoneKey(path))
    with pytest.raises(TombstoneKeyMissing, match="backup"):
        ingest.run(missing, settings, FileSource(write(tmp_path / "t.csv", [FIRST])))
    for opened in (other, missing):
        opened.close()


def test_a_forgotten_tweet_that_somebody_puts_back_is_found_and_one_that_was_restored_is_not(store, settings, tmp_path):
    ingest.run(store, settings, FileSource(write(tmp_path / "t.csv", range(FIRST, FIRST + 5))))
    number = forget(store, [FIRST + 1, FIRST + 2], kind="compliance")
    with store.begin() as connection:
        assert list(tombstones.stored_again(connection)) == [], "they wait for their erasure"
        erasure_requests.drop_subject(connection, number)
        assert list(tombstones.stored_again(connection)) == [FIRST + 1, FIRST + 2]
        assert len(tombstones.lift(connection, dict.fromkeys([FIRST + 2, FIRST + 3], clock.now()))) == 1
        assert list(tombstones.stored_again(connection)) == [FIRST + 1]
