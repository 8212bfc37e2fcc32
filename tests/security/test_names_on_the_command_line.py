"""The command line knows a person by a token, and by nothing else."""

from __future__ import annotations

import json
import stat
from datetime import timedelta

import httpx
import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from sentiment_lib import airflow_client
from sentiment_lib.cli import alerts, people, token_file
from sentiment_lib.cli.models import decisions, deployment, training
from sentiment_lib.cli.tweets import labels
from sentiment_lib.errors import BadInput, NotFound, NotSignedIn
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.storage import alerts as stored_alerts
from sentiment_lib.storage import ledger

DAY = timedelta(days=1)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def command(store, monkeypatch, tmp_path):
    """Runs a command line against the test's database."""
    app = typer.Typer()
    for group in (alerts, decisions, deployment, labels, people, training):
        group.register(app)
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", store.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SENTIMENT_TOKEN", raising=False)
    return lambda *words, **more: CliRunner().invoke(app, [*words, "--json"], **more)


@pytest.fixture
def airflow(monkeypatch):
    """Airflow's login replaced by one that knows mlops with the password `right`."""

    def call(client, method, path, body=None, *, root):
        # FAB finds accounts without regard to case, and by e-mail
        known = client._login["username"].lower().removesuffix("@localhost") == "mlops"
        if not (known and client._login["password"] == "right"):
            request = httpx.Request("POST", "http://airflow/auth/token")
            raise httpx.HTTPStatusError("Unauthorized", request=request, response=httpx.Response(401))
        assert (method, root + path) == ("GET", "/ui/auth/me")
        return {"id": "3", "username": "mlops"}

    monkeypatch.setattr(airflow_client.AirflowClient, "call", call)


def entries(store, *kinds):
    with store.begin() as connection:
        return [entry.facts() for entry in ledger.entries(connection, kinds)]


@pytest.mark.parametrize(
    "words",
    [
        ("approve", "1"),
        ("promote", "1", "--force", "--reason", "because"),
        ("rollback", "1", "--reason", "because"),
        ("retrain",),
        ("evaluate", "--snapshot", "1", "--candidate", "1"),
        ("label", "import", "labels.csv"),
        ("alerts", "acknowledge", "1"),
        ("alerts", "resolve", "1"),
    ],
    ids=lambda words: words[0] + " " + words[1] if len(words) > 1 else words[0],
)
def test_a_command_that_decides_refuses_a_stranger_and_a_name_on_the_command_line(command, store, words, tmp_path):
    (tmp_path / "labels.csv").write_text("tweet_id,label\n1,negative\n")
    words = tuple(str(tmp_path / word) if word == "labels.csv" else word for word in words)
    assert isinstance(command(*words).exception, NotSignedIn)
    assert command(*words, "--by", "admin").exit_code == 2
    assert entries(store) == []


def test_a_login_is_a_token_that_only_its_owner_reads_and_the_ledger_has_every_command(
    command, store, airflow, settings
):
    assert command("login", "--user", "mlops", "--password-stdin", input="right\n").exit_code == 0
    path = token_file.token_file(settings)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert json.loads(command("whoami").stdout)["name"] == "mlops"

    with store.begin() as connection:
        alert = stored_alerts.open_alert(connection, "drift", "warning", "drift", "The tweets have drifted")
    command("alerts", "acknowledge", str(alert))
    assert json.loads(command("alerts", "list").stdout)[0]["acknowledged_by"] == "mlops"
    issued, used = entries(store, "token_issued"), entries(store, "command")
    assert [(entry["name"], entry["issued_by"]) for entry in issued] == [("mlops", "airflow")]
    assert [(entry["command"], entry["person"], entry["os_user"]) for entry in used] == [
        (f"alerts acknowledge {alert}", "mlops", sign_in.os_user())
    ]

    assert command("logout").exit_code == 0
    assert not path.exists()
    assert isinstance(command("whoami").exception, NotSignedIn)


@pytest.mark.parametrize("words", [("promote", "1", "--force"), ("rollback", "1")], ids=lambda words: words[0])
def test_only_an_approver_moves_the_champion_without_a_new_approval(command, store, settings, monkeypatch, words):
    for name, error in (("viewer", BadInput), ("mlops", NotFound)):
        token, _ = sign_in.add_person(store, settings, name=name, lifetime=DAY, issuer=None)
        monkeypatch.setenv("SENTIMENT_TOKEN", token)
        refused = command(*words, "--reason", "because").exception
        assert isinstance(refused, error), refused
        assert ("approvers" in str(refused)) == (name == "viewer")
    assert [entry["person"] for entry in entries(store, "command")] == ["mlops"]


@pytest.mark.parametrize("typed", ["MLOPS", "mlops@localhost"])
def test_a_login_is_of_the_account_as_airflow_knows_it(command, store, airflow, typed):
    assert command("login", "--user", typed, "--password-stdin", input="right\n").exit_code == 0
    assert json.loads(command("whoami").stdout)["name"] == "mlops"
    assert [entry["name"] for entry in entries(store, "token_issued")] == ["mlops"]


def test_a_wrong_password_gives_no_token(command, store, airflow, settings):
    refused = command("login", "--user", "mlops", "--password-stdin", input="wrong\n")
    assert isinstance(refused.exception, NotSignedIn)
    assert not token_file.token_file(settings).exists()
    assert entries(store) == []


def test_a_token_that_is_edited_expired_or_revoked_is_nobodys(store, settings):
    token, _ = sign_in.add_person(store, settings, name="anna", lifetime=DAY, issuer=None)
    assert sign_in.verify_token(store, token).name == "anna"
    with pytest.raises(NotSignedIn):
        sign_in.verify_token(store, token[:-1] + ("a" if token[-1] != "a" else "b"))
    with store.begin() as connection:
        stored = connection.execute(text("SELECT token_hash FROM person_tokens")).scalar_one()
        assert token.encode() not in bytes(stored)
        connection.execute(text("UPDATE person_tokens SET created_at = now() - interval '2 days', expires_at = now()"))
    with pytest.raises(NotSignedIn, match="expired"):
        sign_in.verify_token(store, token)

    token, _ = sign_in.add_person(store, settings, name="bert", lifetime=DAY, issuer=None)
    assert sign_in.revoke_person(store, "bert") == 1
    with pytest.raises(NotSignedIn, match="revoked"):
        sign_in.verify_token(store, token)
    with pytest.raises(NotFound):
        sign_in.revoke_person(store, "bert")


def test_where_airflow_knows_people_nobody_makes_a_second_approver_of_himself(store, settings):
    with_airflow = settings.model_copy(update={"airflow_user": "sentiment"})

    def issuer(name):
        return sign_in.Person(name=name, token_id=1, issued_by="airflow", os_user="me")

    def add(name, by):
        return sign_in.add_person(store, with_airflow, name=name, lifetime=DAY, issuer=by)[1].name

    with pytest.raises(NotSignedIn):
        add("admin", None)
    with pytest.raises(BadInput, match="admin signs in"):
        add("admin", issuer("mlops"))
    with pytest.raises(BadInput):
        add("robot", issuer("viewer"))
    assert (add("mlops", issuer("mlops")), add("robot", issuer("mlops"))) == ("mlops", "robot")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 81, "anna/x", "retrain/manual__1", "unknown", "auto_rollback"])
def test_a_name_that_cannot_be_read_or_means_something_else_is_refused(store, settings, name):
    with pytest.raises(BadInput):
        sign_in.add_person(store, settings, name=name, lifetime=DAY, issuer=None)
