"""The commonest mistakes on the command line, and the one line that each gets."""

from __future__ import annotations

import io
import json
import sys
from datetime import timedelta

import pytest

from sentiment_lib import cli
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.storage.engine import Store

DATE = "tweet_id,text,created_at\n1,late again,2026-11-01 10:00\n"
FILES = {
    "no_zone.csv": DATE,
    "no_text.csv": "tweet_id,body,created_at\n1,late again,2026-11-01T10:00Z\n",
    "empty.csv": "",
    "headless.csv": "570306133677760513,@jane I lost my bag in Denver\n",
    "header.csv": "tweet_id,text,created_at\n",
    "labels.csv": "tweet_id,label\n5,negativ\n",
    "unknown.csv": "tweet_id,label\n999,negative\n",
    "image.png": "\x89PNG\r\n\x1a\n\x00\x00\x00\r",
    "taken.csv": "mine",
    "bad.json": "{not json",
}
#: (command, exit code, message)
MISTAKES = [
    ("scroe", 2, "No such command 'scroe'. Did you mean 'score'?"),
    ("decision shwo 3", 2, "No such command 'shwo'. Did you mean 'show'?"),
    ("retrain --famly bert", 2, "No such option: --famly. Did you mean --family?"),
    ("approve", 2, "DECISION_ID is missing: decision id, as in `sentiment decision list`"),
    ("approve seven", 2, "DECISION_ID is not valid: 'seven' is no whole number"),
    ("decision show abc", 2, "DECISION_ID is not valid: 'abc' is no whole number"),
    ("decision show 1.5", 2, "DECISION_ID is not valid: '1.5' is no whole number"),
    ("decision show 1 2", 2, "There is more than this command takes: 2"),
    ("decision list --limit 0", 2, "--limit is not valid: '0' is too small: at least 1"),
    ("decision list --limit 99999999999999999999", 1, "a number is too large: ids and counts end at 9,223,372,"),
    ("decision show 99999999999999999999", 1, "a number is too large: ids and counts end at 9,223,372,"),
    ("decision list --limit", 2, "--limit needs a value"),
    ("rollback 3", 2, "--reason is missing: "),
    ("drift --at yesterday", 2, "--at is not valid: 'yesterday' is no time: write 2026-12-24, 2026-12-24T18:00"),
    ("up --port-api 99999", 2, "--port-api is not valid: '99999' is too large: at most 65535"),
    ("ingest", 1, "There is nothing to ingest: name files, or --landing, --x or --sample"),
    ("ingest missing.csv", 1, "missing.csv cannot be read: there is no such file"),
    ("ingest .", 1, ". cannot be read: it is a folder: name the files in it"),
    ("ingest image.png", 1, "image.png cannot be read: the ending '.png' is none of .csv, .tsv, .txt, .json"),
    ("ingest empty.csv", 1, "empty.csv cannot be read: the file is empty"),
    ("ingest header.csv", 1, "header.csv: none of its rows got in: it has a header and no row"),
    ("ingest bad.json", 1, "bad.json cannot be read: it is not JSON (Expecting property name"),
    ("ingest no_zone.csv", 1, "because the date '2026-11-01 10:00' has no time zone: name it with --zone (row 1)"),
    (
        "ingest no_text.csv",
        1,
        "it has no column 'text'; its columns are: tweet_id, body, created_at; perhaps --column text=body",
    ),
    ("ingest headless.csv", 1, "headless.csv cannot be read: its first line looks like a tweet, not like column names"),
    ("explore headless.csv", 1, "not like column names: it has '@user I lost my bag…'"),
    ("ingest labels.csv", 1, "perhaps `sentiment label import`, if these are labels of stored tweets"),
    (
        "ingest no_zone.csv --preset airlnie",
        1,
        "preset 'airlnie' is not valid: choose from plain, airline, semeval, sentiment140. Did you mean airline?",
    ),
    ("ingest no_zone.csv --column txt=body", 1, "column mapping 'txt' is not valid: choose from tweet_id, text, "),
    ("ingest no_zone.csv --column text", 1, "--column 'text' is not valid: write FIELD=COLUMN"),
    (
        "ingest no_zone.csv --zone Paris",
        1,
        "--zone 'Paris' is not valid: write it as in Europe/Paris or America/Los_Angeles",
    ),
    (
        "ingest no_zone.csv --encoding utf9",
        1,
        "--encoding 'utf9' is not valid: write it as in utf-8, cp1252 or shift_jis",
    ),
    ("ingest no_zone.csv --separator ;;", 1, "--separator ';;' is not valid: it is one character, or tab"),
    ("ingest no_zone.csv --map-label 0:negative", 1, "--map-label '0:negative' is not valid: write WRITTEN=LABEL"),
    (
        "ingest no_zone.csv --map-label 0=bad",
        1,
        "--map-label 0=bad is not valid: choose from negative, neutral, positive, or nothing",
    ),
    ("ingest --x", 1, "--x is not valid: it needs the token of X's API in SENTIMENT_X_BEARER_TOKEN"),
    ("predict", 1, 'There is nothing to predict: write "TEXT", or --file FILE'),
    ("predict --file missing.csv", 1, "No such file or directory: missing.csv"),
    ("predict hello", 1, "There is no champion yet: `sentiment bootstrap` registers the first"),
    ("lineage 5", 1, "There is no tweet 5"),
    ("snapshot", 1, "Too few labelled tweets for training: 0, and at least 200 are needed"),
    ("train --snapshot 7", 1, "There is no snapshot 7"),
    ("retrain --family bret", 1, "There is no model family 'bret'. Known: bert, count_logreg, "),
    ("reproduce 99", 1, "There is no model version 99"),
    ("decision show 99", 1, "There is no decision 99"),
    ("approve 99", 1, "There is no decision 99"),
    ("promote 99 --force", 1, "the reason is not valid: write at least 3 characters; the ledger keeps them"),
    ("rollback 99 --reason because", 1, "There is no model version 99"),
    ("drift", 1, "There is no champion to check the drift of"),
    ("explore missing.csv", 1, "There is no file or snapshot missing.csv"),
    ("explore no_zone.csv", 1, "it has no column 'label'; it has tweet_id, text, created_at"),
    (
        "alerts list --state opne",
        1,
        "'opne' is none of open, acknowledged, unresolved, resolved, all. Did you mean open?",
    ),
    ("alerts acknowledge 99", 1, "There is no open alert 99"),
    ("alerts test", 1, "SENTIMENT_ALERT_URLS is not valid: it is not set, so alerts go to the log only"),
    (
        "label export taken.csv",
        1,
        "taken.csv is not valid: it exists already; name another file, or replace it with --force",
    ),
    ("label export labels.xlsx", 1, "labels.xlsx is not valid: its name must end in .csv or .jsonl"),
    (
        "label export new.csv --what waitng",
        1,
        "--what 'waitng' is not valid: choose waiting or given. Did you mean waiting?",
    ),
    (
        "label import unknown.csv --drawn-with 2",
        1,
        "the sampling probability is not valid: it lies above 0 and is at most 1",
    ),
    (
        "keys create desk --role predct",
        1,
        "choose from predict, feedback, label, privacy, admin. Did you mean predict?",
    ),
    (
        "keys create desk --role predict --expires soon",
        1,
        "the time 'soon' is not valid: write it as 90d, 12h, 30m or never",
    ),
    ("keys revoke nobody", 1, "There is no API key in use named nobody"),
    (
        "login --user mlops --password-stdin",
        1,
        "You are not signed in: Airflow at http://127.0.0.1:9 cannot be reached",
    ),
    (
        "login --user mlops",
        1,
        "You are not signed in: there is no terminal to type a password in: pipe it with --password-stdin, or set",
    ),
    ("logins", 1, "The stack is not running: `sentiment up`"),
    ("config show error_buget", 1, "There is no setting whose name contains 'error_buget'. Did you mean error_budget?"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes")
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="latin-1")
    return folder


@pytest.fixture(scope="module")
def database(postgres_server, template_database):
    with postgres_server.database(template_database) as url:
        yield url


@pytest.fixture(scope="module")
def token(database):
    store = Store(database)
    person, _ = sign_in.add_person(store, Settings(), name="mlops", lifetime=timedelta(hours=1), issuer=None)
    store.close()
    return person


@pytest.fixture
def sentiment(home, database, token, monkeypatch, capsys):
    """Runs the real command line in this process, signed in as mlops, in the folder of FILES."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("SENTIMENT_HOME", str(home))
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", database)
    monkeypatch.setenv("SENTIMENT_AUTHOR_KEY", "k" * 32)
    monkeypatch.setenv("SENTIMENT_MLFLOW_URI", f"sqlite:///{home}/mlflow.db")

    monkeypatch.setenv("SENTIMENT_AIRFLOW_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SENTIMENT_TOKEN", token)
    monkeypatch.setattr(sys, "stdin", io.StringIO("secret\n"))

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sentiment", *words])
        code = cli.run(cli.build())
        return code, capsys.readouterr().err.strip()

    return run


@pytest.mark.parametrize(("command", "code", "message"), MISTAKES, ids=[command for command, _, _ in MISTAKES])
def test_a_mistake_is_one_line_that_says_what_to_do(sentiment, command, code, message):
    found, told = sentiment(*command.split())
    assert found == code
    (line,) = told.splitlines()
    assert line.startswith("sentiment: ")
    assert message in line


def test_every_mistake_is_one_object_under_json(sentiment):
    for command, code, message in MISTAKES:
        # the one command here without --json, and one that would take it for its value
        if command not in ("up --port-api 99999", "decision list --limit"):
            found, told = sentiment(*command.split(), "--json")
            assert found == code
            assert message in json.loads(told)["message"]


def test_no_mistake_replaced_a_file(sentiment, home):
    assert sentiment("label", "export", "taken.csv")[0] == 1
    assert (home / "taken.csv").read_text() == "mine"
    assert sentiment("label", "export", "taken.csv", "--force")[0] == 0
    assert (home / "taken.csv").read_text().startswith("tweet_id,")
    (home / "taken.csv").write_text("mine")


@pytest.mark.parametrize("command", ["ingest", "label import"])
def test_ingest_and_label_import_have_the_same_exit_codes(sentiment, home, command):
    tweets = "tweet_id,text,created_at,label\n5,late again,2026-11-01T10:00Z,negative\n"
    (home / "good.csv").write_text(tweets)
    (home / "half.csv").write_text(
        tweets + "6,late again,2026-11-01T10:00Z,negative\nx,late,2026-11-01T10:00Z,negative\n"
    )
    (home / "none.csv").write_text(tweets.replace("\n5,", "\nx,"))
    words = command.split()
    assert sentiment("ingest", "good.csv")[0] == 0
    assert sentiment("ingest", "half.csv")[0] == 0
    assert sentiment(*words, "half.csv")[0] == 0
    assert sentiment(*words, "half.csv", "--strict")[0] == 1
    assert sentiment(*words, "none.csv")[0] == 1
    assert sentiment(*words, "missing.csv")[0] == 1
