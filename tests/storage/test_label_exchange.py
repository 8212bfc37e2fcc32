"""Labels to other tools and back."""

from __future__ import annotations

import csv
import json

import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.labelling import export_labels, import_labels


@pytest.fixture
def tweets(store):
    """Tweets 1 to 4; two versions' predictions of 1 and 2 are drawn."""
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) SELECT n, "
                "CASE n WHEN 1 THEN '=HYPERLINK(1)' ELSE 'late, \"again\"' || n END, now(), 1 "
                "FROM generate_series(1, 4) n"
            )
        )
        connection.execute(
            text(
                "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                "SELECT n, 'vader', 'd', n, n FROM generate_series(1, 2) n"
            )
        )
        connection.execute(
            text(
                "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, p_positive) "
                "SELECT n, v, 'negative', 0.8, 0.1, 0.1 FROM generate_series(1, 4) n, generate_series(1, 2) v"
            )
        )
        connection.execute(
            text("INSERT INTO audit_sample SELECT prediction_id, 0.02 FROM predictions WHERE tweet_id < 3")
        )


@pytest.fixture
def rows(store):
    """Rows of a query, as tuples."""

    def ask(query):
        with store.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return ask


def imported(store, path, content, by="ann"):
    path.write_text(content)
    return import_labels.run(store, FileSource(path, "labels"), by=by)


def test_what_waits_is_each_drawn_tweet_once_and_no_formula(store, tweets, tmp_path):
    assert export_labels.run(store, tmp_path / "w.csv", what="waiting") == 2
    found = list(csv.DictReader((tmp_path / "w.csv").read_text().splitlines()))
    assert {row["tweet_id"]: row["text"] for row in found} == {"1": "'=HYPERLINK(1)", "2": 'late, "again"2'}
    assert export_labels.run(store, tmp_path / "w.jsonl", what="waiting", most=1) == 1
    assert json.loads((tmp_path / "w.jsonl").read_text())["tweet_id"] == "2"


def test_a_filled_in_export_comes_back_as_audit_labels_with_their_chance(store, tweets, tmp_path, rows):
    export_labels.run(store, tmp_path / "w.jsonl", what="waiting")
    filled = [{**json.loads(line), "label": "neutral"} for line in (tmp_path / "w.jsonl").read_text().splitlines()]
    found = imported(store, tmp_path / "back.jsonl", "".join(json.dumps(row) + "\n" for row in filled))
    assert (found.received, found.audit, found.refused) == (2, 2, 0)
    assert rows("SELECT tweet_id, source, inclusion_probability FROM labels ORDER BY 1") == [
        (1, "audit", 0.02),
        (2, "audit", 0.02),
    ]
    assert export_labels.run(store, tmp_path / "again.csv", what="waiting") == 0
    assert export_labels.run(store, tmp_path / "given.csv", what="given") == 2


def test_every_row_is_counted_and_bad_ones_are_named(store, tweets, tmp_path, rows):
    found = imported(
        store,
        tmp_path / "l.csv",
        "tweet_id,label,labelled_at,confidence\n"
        "1,negative,,\n"  # audit
        "3,Positive ,2026-01-05T10:00:00+01:00,0.9\n"  # person
        "3,positive,,\n"  # duplicate
        "4,,,\n"  # empty
        "99,neutral,,\n"
        "4,angry,,\n"
        "x,neutral,,\n"
        "1,positive,,\n"
        "4,neutral,2026-01-05T10:00:00,\n"
        "4,neutral,,2\n"
        "4,neutral\n",
    )
    assert (found.received, found.audit, found.person, found.duplicate, found.empty, found.refused) == (
        11,
        1,
        1,
        1,
        1,
        7,
    )
    reasons = dict(found.problems)
    assert list(reasons) == [5, 6, 7, 8, 9, 10, 11]
    assert reasons[5] == "there is no tweet 99"
    assert "none of" in reasons[6]
    assert "earlier row says" in reasons[8]
    assert rows("SELECT count(*) FROM labels") == [(2,)]


def test_importing_twice_changes_nothing(store, tweets, tmp_path, rows):
    content = "tweet_id,label\n1,negative\n3,neutral\n"
    imported(store, tmp_path / "l.csv", content)
    before = rows("SELECT * FROM labels ORDER BY label_id")
    found = imported(store, tmp_path / "l.csv", content)
    assert (found.duplicate, found.audit, found.person) == (2, 0, 0)
    assert rows("SELECT * FROM labels ORDER BY label_id") == before


def test_a_second_persons_answer_to_a_drawn_tweet_is_not_a_second_draw(store, tweets, tmp_path, rows):
    imported(store, tmp_path / "a.csv", "tweet_id,label\n1,negative\n", by="ann")
    found = imported(store, tmp_path / "b.csv", "tweet_id,label\n1,neutral\n", by="bob")
    assert (found.audit, found.person) == (0, 1)
    assert rows("SELECT labelled_by, source FROM labels ORDER BY 1") == [("ann", "audit"), ("bob", "person")]


def test_a_name_without_a_known_ending_is_refused(store, tweets, tmp_path):
    with pytest.raises(BadInput, match=r"\.csv or \.jsonl"):
        export_labels.run(store, tmp_path / "w.xlsx", what="waiting")
