"""`sentiment alerts` from the command line."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import typer
from typer.testing import CliRunner

from sentiment_lib.cli import alerts
from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.settings import Settings
from sentiment_lib.steps.operations import sign_in
from sentiment_lib.storage import alerts as stored_alerts
from sentiment_lib.storage import grants

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP


@pytest.fixture
def command(store, monkeypatch, tmp_path):
    """Runs a command line against the test's database; gives the JSON that it prints."""
    app = typer.Typer()
    alerts.register(app)
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", store.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    monkeypatch.delenv("SENTIMENT_ALERT_URLS", raising=False)

    def run(*words):
        result = CliRunner().invoke(app, [*words, "--json"])
        if result.exception:
            raise result.exception
        return json.loads(result.stdout)

    return run


@pytest.fixture
def sign_in_as(store, monkeypatch):
    def signed_in(name):
        token, _ = sign_in.add_person(store, Settings(), name=name, lifetime=timedelta(days=1), issuer=None)
        monkeypatch.setenv("SENTIMENT_TOKEN", token)

    return signed_in


def test_an_alert_is_listed_acknowledged_and_resolved(store, command, sign_in_as):
    with store.begin() as connection:
        alert = stored_alerts.open_alert(connection, "drift", "warning", "drift", "The tweets have drifted")
    assert [one["alert_id"] for one in command("alerts", "list")] == [alert]
    sign_in_as("anna")
    command("alerts", "acknowledge", str(alert))
    assert command("alerts", "list", "--state", "acknowledged")[0]["acknowledged_by"] == "anna"
    sign_in_as("bert")
    command("alerts", "resolve", str(alert))
    assert command("alerts", "list") == []
    assert command("alerts", "list", "--state", "resolved")[0]["resolved_by"] == "bert"
    with pytest.raises(NotFound):
        command("alerts", "resolve", str(alert))
    with store.begin() as connection:
        stored_alerts.open_alert(connection, "drift", "warning", "drift", "The tweets have drifted")
    (again,) = command("alerts", "list")
    assert (again["alert_id"], again["resolved_by"]) == (alert, None)


def test_a_test_message_without_a_receiver_says_what_to_set(command):
    with pytest.raises(BadInput, match="SENTIMENT_ALERT_URLS"):
        command("alerts", "test")


def test_one_look_at_the_rules_of_a_quiet_platform_finds_nothing(command):
    assert command("alerts", "run", "--every", "0") == {"firing": 0, "resolved": 0, "sent": 0, "waiting": 0}


def test_an_unknown_state_is_named(command):
    with pytest.raises(BadInput, match="'closed'"):
        command("alerts", "list", "--state", "closed")
