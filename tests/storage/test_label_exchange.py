"""Labels to other tools and back."""

from __future__ import annotations

import csv
import json

import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput
from sentiment_lib.settings import Settings
from sentiment_lib.sources.files import FileSource
from sentiment_lib.steps.ingestion import ingest
from sentiment_lib.steps.labelling import export_labels, import_labels
from sentiment_lib.storage import acting_labels, current_labels, grants

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


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
            text(
                "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) "
                "SELECT tweet_id, model_version, 0.02 FROM predictions WHERE tweet_id < 3"
            )
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
        2,
        2,
        1,
        1,
        5,
    )
    reasons = dict(found.problems)
    assert list(reasons) == [5, 6, 7, 9, 10]
    assert reasons[5] == "there is no tweet 99"
    assert "none of" in reasons[6]
    assert "time zone" in reasons[9]
    assert rows("SELECT count(*) FROM labels") == [(4,)]


def standing(store):
    with store.begin() as connection:
        frame = current_labels.labelled(connection, ("audit", "person"))
    return dict(zip(frame["tweet_id"], frame["label"], strict=True))


@pytest.mark.parametrize("tweet", [1, 3])  # of the audit sample, and not
def test_the_last_answer_of_a_person_stands(store, tweets, tmp_path, tweet):
    answers = [("08", "negative"), ("09", "positive"), ("10", "negative")]
    for hour, label in answers:
        line = f"tweet_id,label,labelled_at\n{tweet},{label},2026-01-05T{hour}:00:00Z\n"
        assert imported(store, tmp_path / f"{hour}.csv", line).duplicate == 0
    assert standing(store) == {tweet: "negative"}
    assert imported(store, tmp_path / "09.csv", (tmp_path / "09.csv").read_text()).duplicate == 1
    assert standing(store) == {tweet: "negative"}


def test_the_last_answer_stands_without_times_too(store, tweets, tmp_path):
    for number, label in enumerate(("negative", "positive", "negative")):
        imported(store, tmp_path / f"{number}.csv", f"tweet_id,label\n3,{label}\n")
    assert standing(store) == {3: "negative"}
    imported(store, tmp_path / "all.csv", "tweet_id,label\n4,neutral\n4,positive\n4,neutral\n")
    assert standing(store)[4] == "neutral"
    imported(store, tmp_path / "sure.csv", "tweet_id,label,confidence\n3,neutral,0.9\n3,positive,0.4\n")
    assert standing(store)[3] == "neutral"


def test_an_export_survives_a_spreadsheet(store, tweets, tmp_path, rows):
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) "
                "VALUES (2098765432109876543, 'long id', now(), 1)"
            )
        )
    imported(store, tmp_path / "l.csv", "tweet_id,label\n2098765432109876543,negative\n")
    export_labels.run(store, tmp_path / "given.csv", what="given")
    (row,) = csv.DictReader((tmp_path / "given.csv").read_text().splitlines())
    assert row["tweet_id"] == "'2098765432109876543"
    assert imported(store, tmp_path / "given.csv", (tmp_path / "given.csv").read_text()).duplicate == 1


def test_ids_that_a_spreadsheet_rounded_are_refused_by_that_name(store, tweets, tmp_path):
    ids = [2098765432109876543 + n * 987654321 for n in range(5)]
    cut = "".join(f"{str(one)[:15]}0000,negative\n" for one in ids)
    found = imported(store, tmp_path / "l.csv", "tweet_id,label\n" + cut)
    assert found.refused == 5
    assert all("rounded" in reason for _, reason in found.problems)
    found = imported(store, tmp_path / "e.csv", "tweet_id,label\n2.09877E+18,negative\n")
    assert "a spreadsheet" in found.problems[0][1]


def test_labels_of_chosen_tweets_judge_nothing_unless_a_random_draw_is_declared(store, tweets, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("tweet_id,label\n3,positive\n")
    import_labels.run(store, FileSource(path, "labels"), by="ann")
    path.write_text("tweet_id,label\n4,positive\n")
    import_labels.run(store, FileSource(path, "labels"), by="ann", drawn_with=0.25)
    with store.begin() as connection:
        frame = current_labels.labelled(connection, ("audit", "person"))
    assert frame["label_source"].tolist() == ["person"] * 2
    assert frame["judging_source"].tolist() == [None, "declared"]
    with pytest.raises(BadInput, match="sampling probability"):
        import_labels.run(store, FileSource(path, "labels"), by="ann", drawn_with=0)


def test_each_annotator_of_a_file_is_a_person(store, tweets, tmp_path, rows):
    path = tmp_path / "l.csv"
    path.write_text("tweet_id,sentiment,annotator\n3,Negative,a1\n3,Positive,a2\n")
    source = FileSource(path, "labels", {"label": "sentiment", "labelled_by": "annotator"})
    assert import_labels.run(store, source, by="ann").person == 2
    assert rows("SELECT labelled_by, label FROM labels ORDER BY 1") == [
        ("ann (file: a1)", "negative"),
        ("ann (file: a2)", "positive"),
    ]


def test_a_file_makes_nobody_an_auditor_nor_two_people_of_one(store, tweets, tmp_path):
    def acting(auditors):
        with store.begin() as connection:
            query = text(f"SELECT count(*) FROM labels l WHERE l.source = 'audit' AND {acting_labels.ACTS}")
            return connection.execute(query, {"auditors": auditors}).scalar_one()

    imported(store, tmp_path / "l.csv", "tweet_id,label,labelled_by\n1,negative,local\n1,negative,boris\n", by="ann")
    assert acting(["local", "boris"]) == 0
    imported(store, tmp_path / "m.csv", "tweet_id,label,labelled_by\n1,negative,ann\n", by="ann")
    assert acting([]) == 0, "still one person's word"
    imported(store, tmp_path / "o.csv", "tweet_id,label\n1,negative\n", by="bob")
    assert acting([]) == 1


def test_files_of_the_landing_folder_neither_speak_for_auditors_nor_confirm_each_other(store, tweets, tmp_path):
    settings = Settings(home=tmp_path, author_key="key of the tests")
    (settings.landing / "labels").mkdir(parents=True)
    for name in ("local", "boris"):
        (settings.landing / "labels" / f"{name}.csv").write_text("tweet_id,label\n1,negative\n")
    assert [result.labels for result in ingest.run_landing(store, settings)] == [1, 1]

    def acting():
        with store.begin() as connection:
            query = text(f"SELECT count(*) FROM labels l WHERE l.source = 'audit' AND {acting_labels.ACTS}")
            return connection.execute(query, {"auditors": ["local", "boris"]}).scalar_one()

    assert acting() == 0
    imported(store, tmp_path / "o.csv", "tweet_id,label\n1,negative\n", by="bob")
    assert acting() == 1


def test_label_studios_json_is_read(store, tweets, tmp_path, rows):
    task = {
        "id": 1,
        "annotations": [{"result": [{"value": {"choices": ["Negative"]}, "type": "choices"}]}],
        "data": {"tweet_id": "3", "text": "x"},
    }
    assert imported(store, tmp_path / "l.json", json.dumps([task])).person == 1


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
