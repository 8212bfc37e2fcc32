"""A person forgets by the command line: asks, sees clock and receipt, and hands out what is stored of an author."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib.cli.tweets import forget
from sentiment_lib.errors import BadInput, SentimentError
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.storage import grants
from sentiment_lib.text.privacy import author_hash

DATABASE_ROLE = grants.APP
FIRST = 1_200_000_000_000_000_000
KEY = "key of the tests"


@pytest.fixture
def command(store, owner, monkeypatch, tmp_path):
    """Runs a command line as ann on three tweets of two authors; gives the JSON that it prints."""
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", store.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    monkeypatch.setenv("SENTIMENT_AUTHOR_KEY", KEY)
    with owner.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('file:a.csv')"))
        for number, author in enumerate(("mira", "mira", "otto")):
            row = {"id": FIRST + number, "author": author_hash(author, KEY.encode()), "text": f"@united zq{number}late"}
            connection.execute(
                text(
                    "INSERT INTO tweets (tweet_id, text, author_hash, created_at, ingest_id) "
                    "VALUES (:id, :text, :author, now() - interval '3 days' * (:id % 10), 1)"
                ),
                row,
            )
            connection.execute(
                text(
                    "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
                    "VALUES (:id, 'negative', 'dataset', 'somebody', now())"
                ),
                {"id": row["id"]},
            )
    token, _ = sign_in.add_person(store, Settings(), name="ann", lifetime=timedelta(days=1), issuer=None)
    monkeypatch.setenv("SENTIMENT_TOKEN", token)
    app = typer.Typer()
    forget.register(app)

    def run(*words, code=0, as_json=True):
        result = CliRunner().invoke(app, [*words, *(["--json"] if as_json else [])])
        if result.exception and not (code and isinstance(result.exception, SystemExit)):
            raise result.exception
        assert result.exit_code == code
        return json.loads(result.stdout) if as_json else result.stdout

    return run


def stored(owner):
    with owner.begin() as connection:
        return set(connection.execute(text("SELECT tweet_id FROM tweets")).scalars())


def test_tweets_are_forgotten_at_once_and_the_receipt_is_checked(command, owner, tmp_path):
    done = command("forget", "--tweet", str(FIRST))
    assert (done["request_id"], done["result"]["done"]) == (1, [1])
    assert stored(owner) == {FIRST + 1, FIRST + 2}
    (listed,) = command("forget", "list")
    assert (listed["state"], listed["named"], listed["requested_by"]) == ("done", 1, "ann")
    assert "subject" not in listed
    path = tmp_path / "receipt.json"
    shown = command("forget", "show", "1", "--receipt", str(path))
    assert [row["kind"] for row in shown["ledger"]] == ["erasure_request", "erasure", "erasure_done"]
    assert shown["ledger"][1]["found"]["tweets"] == shown["ledger"][1]["found"]["labels"] == 1
    assert str(FIRST) not in path.read_text()
    assert command("forget", "check", str(path)) == {"problems": []}
    with pytest.raises(BadInput, match="exists already"):
        command("forget", "show", "1", "--receipt", str(path))
    text_of = command("forget", "show", "1", as_json=False)
    assert "signed as row" in text_of
    assert "Searched: landing" in text_of


def test_an_author_waits_for_the_dag_and_then_is_gone(command, owner):
    asked = command("forget", "--author", "@Mira", "--later")
    assert (asked["state"], asked["named"]) == ("received", 2)
    assert "hours left" in command("forget", "list", as_json=False)
    assert stored(owner) == {FIRST, FIRST + 1, FIRST + 2}
    assert command("forget", "run")["done"] == [1]
    assert stored(owner) == {FIRST + 2}


def test_a_compliance_file_and_an_age_are_requests_as_well(command, owner, tmp_path):
    path = tmp_path / "compliance.jsonl"
    path.write_text(f'{{"id": "{FIRST + 1}", "reason": "deleted"}}\n')
    command("forget", "--file", str(path))
    assert stored(owner) == {FIRST, FIRST + 2}
    command("forget", "--older-than", "5d")
    assert stored(owner) == {FIRST}
    assert [one["kind"] for one in command("forget", "list")] == ["age", "compliance"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "name tweets, an author"),
        (("--tweet", "5", "--author", "mira"), "name tweets, an author"),
        (("--older-than", "soon"), "730d"),
        (("--file", "/nowhere"), "cannot be read"),
    ],
)
def test_a_request_that_names_nothing_or_too_much_changes_nothing(command, owner, words, why):
    with pytest.raises(BadInput, match=why):
        command("forget", *words)
    assert len(stored(owner)) == 3


def test_nobody_forgets_without_saying_who_they_are(command, owner, monkeypatch):
    monkeypatch.delenv("SENTIMENT_TOKEN")
    with pytest.raises(SentimentError, match="login"):
        command("forget", "--tweet", str(FIRST))
    assert len(stored(owner)) == 3


def test_an_author_gets_what_is_stored_of_them_and_nothing_of_others(command, tmp_path_factory):
    path = tmp_path_factory.mktemp("outside") / "person.json"
    assert command("export-person", "--author", "mira", "--out", str(path))["tweets"] == 2
    exported = json.loads(path.read_text())
    assert [tweet["tweet_id"] for tweet in exported] == [str(FIRST), str(FIRST + 1)]
    assert exported[0]["labels"][0]["label"] == "negative"
    assert "somebody" not in path.read_text(), "who labelled is another person"
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(BadInput, match="exists already"):
        command("export-person", "--author", "mira", "--out", str(path))
    command("forget", "--author", "mira")
    assert json.loads(path.read_text()) == [], "the export is a place like others"


def test_the_page_of_personal_data_is_printed_by_the_own_policy(command, monkeypatch):
    monkeypatch.setenv("SENTIMENT_POLICY__ERASURE__LEGAL_BASIS", '{"tweets": "Art. 6 (1) f GDPR"}')
    assert "| Art. 6 (1) f GDPR |" in command("privacy", as_json=False)


def test_a_large_request_is_confirmed_or_said_to_be_meant(command, monkeypatch):
    monkeypatch.setenv("SENTIMENT_POLICY__ERASURE__LARGE_REQUEST", "2")
    with pytest.raises(BadInput, match="it names 2 tweets, for ever; add --yes if that is meant"):
        command("forget", "--author", "mira", "--later")
    assert command("forget", "list") == []
    command("forget", "--author", "mira", "--later", "--yes")
    command("forget", "--author", "otto", "--later")
    assert [one["named"] for one in command("forget", "list")] == [1, 2]
