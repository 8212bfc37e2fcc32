"""`sentiment ingest` and `sentiment quarantine`, on a real database."""

from __future__ import annotations

import json
import logging

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib.cli.tweets import ingestion
from sentiment_lib.errors import BadInput, BadSource

HEADER = "tweet_id,text,created_at,label\n"
DAY = "2026-01-01T00:00:00Z"


@pytest.fixture
def sentiment(monkeypatch, tmp_path, database_url):
    """The group's commands in an installation of its own; returns standard output."""
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", database_url)
    monkeypatch.setenv("SENTIMENT_AUTHOR_KEY", "key of the tests")
    app = typer.Typer()
    ingestion.register(app)

    def run(*words: object) -> str:
        done = CliRunner().invoke(app, [str(word) for word in words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.fixture
def tweets_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(HEADER + f"1,@united late,{DAY},negative\n1,again,{DAY},\nx,no id,{DAY},\n2,fine,{DAY},\n")
    return path


def test_ingest_says_what_became_of_every_row(sentiment, tweets_file):
    assert sentiment("ingest", tweets_file) == (
        "t.csv: 4 rows came in = 2 stored + 1 duplicate + 1 quarantined; 1 labels\n"
        "  1 of 4 rows were refused, because the id 'x' is no tweet id (row 3)\n"
        f"{ingestion.NOT_REQUESTED}\n"
    )


def test_a_sample_that_is_stored_already_says_how_to_get_another(sentiment):
    sample = ("ingest", "--sample", "--days", 1, "--per-day", 20)
    assert "gives other tweets" not in sentiment(*sample)
    assert "The sample of seed 1 is stored already: --seed 2 gives other tweets\n" in sentiment(*sample)
    assert "gives other tweets" not in sentiment(*sample, "--seed", 2)


def test_refused_rows_are_named_once(sentiment, tmp_path, monkeypatch):
    class Recorder(logging.Handler):
        """Stands for the handler that prints warnings where there is no other."""

        def emit(self, record):
            said.append(record.getMessage())

    said = []
    monkeypatch.setattr(logging, "lastResort", Recorder())
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + f"1,late,{DAY},\n" + f"x,no id,{DAY},\n" * 30)
    assert sentiment("ingest", path).count("30 of 31 rows were refused") == 1
    assert said == []


def test_ingest_gives_the_same_as_json(sentiment, tweets_file):
    (result,) = json.loads(sentiment("ingest", tweets_file, "--json"))
    assert result.pop("ingest_id") > 0
    expected = {"received": 4, "stored": 2, "duplicate": 1, "quarantined": 1, "forgotten": 0, "labels": 1}
    notes = ["1 of 4 rows were refused, because the id 'x' is no tweet id (row 3)"]
    assert result == {"source": "t.csv", **expected, "notes": notes}


def test_ingest_takes_several_files_and_names_their_labels_as_told(sentiment, tweets_file, tmp_path, store):
    other = tmp_path / "u.jsonl"
    other.write_text(json.dumps({"tweet_id": "9", "text": "x", "created_at": DAY, "label": "positive"}) + "\n")
    results = json.loads(sentiment("ingest", tweets_file, other, "--name", "survey", "--json"))
    assert [result["source"] for result in results] == ["survey", "survey"]
    with store.begin() as connection:
        labels = connection.execute(text("SELECT tweet_id, labelled_by FROM labels ORDER BY 1")).all()
    assert labels == [(1, "survey"), (9, "survey")]


def test_ingest_maps_columns_and_labels(sentiment, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"polarity,id,created_at_utc,user,body\n4,7,{DAY},me,hello\n")
    (result,) = json.loads(sentiment("ingest", path, "--preset", "sentiment140", "--column", "text=body", "--json"))
    assert (result["stored"], result["labels"]) == (1, 1)


def test_ingest_of_the_sample_stores_labelled_synthetic_tweets_and_repeats_nothing(sentiment):
    words = ("ingest", "--sample", "--days", 2, "--per-day", 50, "--seed", 3, "--json")
    (first,), (second,) = json.loads(sentiment(*words)), json.loads(sentiment(*words))
    assert (first["received"], first["stored"], second["duplicate"]) == (100, 100, 100)
    assert first["source"] == "sample (synthetic)"
    assert 0 < first["labels"] < 100


def test_ingest_empties_the_landing_folder(sentiment, tmp_path, tweets_file):
    folder = tmp_path / "home" / "landing"
    folder.mkdir(parents=True)
    tweets_file.rename(folder / "t.csv")
    (result,) = json.loads(sentiment("ingest", "--landing", "--json"))
    assert (result["source"], result["received"]) == ("t.csv", 4)
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["plain__t.csv", "plain__t.csv.why.txt"]


def test_ingest_from_x_without_a_token_takes_nothing_in(sentiment):
    with pytest.raises(BadInput, match="SENTIMENT_X_BEARER_TOKEN"):
        sentiment("ingest", "--x")


def test_ingest_without_a_source_says_what_to_name(sentiment):
    with pytest.raises(BadInput, match="--landing, --x or --sample"):
        sentiment("ingest")


def test_a_column_without_its_field_is_refused_and_not_ignored(sentiment, tweets_file):
    with pytest.raises(BadInput, match="FIELD=COLUMN"):
        sentiment("ingest", tweets_file, "--column", "body")


def test_a_file_that_is_not_there_stops_the_command_before_anything_is_stored(sentiment, tweets_file, tmp_path, store):
    with pytest.raises(BadSource, match="no such file"):
        sentiment("ingest", tweets_file, tmp_path / "missing.csv")
    with store.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM tweets")).scalar_one() == 0


def test_quarantine_lists_the_newest_rows_with_their_reasons(sentiment, tweets_file):
    assert sentiment("quarantine") == "Nothing is in quarantine.\n"
    sentiment("ingest", tweets_file)
    assert sentiment("quarantine") == "t.csv row 3: the id 'x' is no tweet id\n"
    (row,) = json.loads(sentiment("quarantine", "--json"))
    assert (row["source"], row["row_number"]) == ("t.csv", 3)
    assert json.loads(row["raw"]) == ["x", "no id", DAY, ""]


def test_quarantine_lists_no_more_than_asked_for(sentiment, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(HEADER + f"1,text,{DAY},\n" + "".join(f"x{n},text,{DAY},\n" for n in range(5)))
    sentiment("ingest", path)
    assert [line.split(":")[0] for line in sentiment("quarantine", "--limit", 2).splitlines()] == [
        "t.csv row 6",
        "t.csv row 5",
    ]
