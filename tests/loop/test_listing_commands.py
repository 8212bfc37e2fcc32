"""`sentiment models`, `snapshots`, `lineage`, `predict` and `decision show`, with a trained candidate."""

from __future__ import annotations

import csv
import json
from contextlib import nullcontext

import pytest
import typer
from typer.testing import CliRunner

from sentiment_lib.cli.models import catalogue, decisions
from sentiment_lib.cli.tweets import predict as predict_command
from sentiment_lib.errors import BadInput


@pytest.fixture
def sentiment(store, settings, decided, monkeypatch):
    app = typer.Typer()
    app.command("show")(decisions.show_decision)
    monkeypatch.setattr(decisions, "open_store", lambda: nullcontext((store, settings)))
    for module in (catalogue, predict_command):
        module.register(app)
        monkeypatch.setattr(module, "open_store", lambda: nullcontext((store, settings)))

    def run(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    return run


def test_models_and_snapshots_are_listed_with_what_serves(sentiment, decided):
    versions = json.loads(sentiment("models", "--json"))
    assert [row["version"] for row in versions] == [2, 1]
    assert [row["champion"] for row in versions] == [False, True]
    assert versions[0]["verdict"] == decided.decision.verdict
    lines = sentiment("models").splitlines()
    assert lines[0].split()[:3] == ["version", "family", "snapshot"]
    assert lines[2].startswith("1 (champion)")
    snapshot = json.loads(sentiment("snapshots", "--json"))[0]
    assert (snapshot["snapshot_id"], snapshot["train_rows"]) == (
        decided.snapshot.snapshot_id,
        decided.snapshot.train_rows,
    )


def test_lineage_names_the_version_that_learned_from_a_tweet(sentiment, store):
    from sqlalchemy import text

    with store.begin() as connection:
        tweet = connection.scalar(text("SELECT min(tweet_id) FROM snapshot_rows WHERE part = 'train'"))
    shown = sentiment("lineage", tweet)
    assert "in the train rows of snapshot 1, used by version 2" in shown
    assert "labelled " in shown


def test_predict_answers_texts_and_files_and_stores_nothing(sentiment, store, tmp_path):
    from sqlalchemy import text

    def stored():
        with store.begin() as connection:
            return connection.scalar(text("SELECT count(*) FROM predictions"))

    before = stored()
    rows = json.loads(sentiment("predict", "I love this airline", "worst flight ever, I hate it", "--json"))
    assert [row["label"] for row in rows] == ["positive", "negative"]
    assert all(abs(sum(row["probabilities"].values()) - 1) < 1e-3 for row in rows)
    assert json.loads(sentiment("predict", "hello @anna_smith, mail a@b.org", "--json"))[0]["text"].count("anna") == 0
    source, out = tmp_path / "t.csv", tmp_path / "out.csv"
    source.write_text('id;text\n1;"=1+1; awful, I hate it"\n2;wonderful, thanks\n')
    sentiment("predict", "--file", source, "--to", out)
    with out.open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["label"] for row in written] == ["negative", "positive"]
    assert written[0]["text"].startswith("'=")
    with pytest.raises(BadInput, match="exists already"):
        sentiment("predict", "--file", source, "--to", out)
    assert stored() == before


def test_predict_without_a_text_and_an_unreadable_file_are_refused(sentiment, tmp_path):
    with pytest.raises(BadInput, match="nothing to predict"):
        sentiment("predict")
    (tmp_path / "t.txt").write_bytes(b"good\n\xff\xfe\xfd\n")
    with pytest.raises(BadInput, match="not UTF-8"):
        sentiment("predict", "--file", tmp_path / "t.txt")


def test_a_decision_is_drawn_with_its_verdict_gain_metrics_and_failed_rules(sentiment, decided):
    number = decided.decision.decision_id
    shown = sentiment("show", number)
    assert shown.startswith(f"Decision {number}: {decided.decision.verdict}; ")
    assert "▲ the bound to stay above" in shown
    assert "●" in shown
    for head in ("champion", "candidate", "difference"):
        assert head in shown
    failed = [rule for rule in decided.decision.rules if rule.verdict in ("hold", "reject")]
    assert shown.count("✗ ") == len(failed)
    assert "✓" not in shown
    assert sentiment("show", number, "--all").count("✓ ") > 3
    assert json.loads(sentiment("show", number, "--json"))["evidence"]["comparison"]
