"""`sentiment config` and `sentiment doctor`."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from sentiment_lib.cli import configuration, doctor, people
from sentiment_lib.errors import BadSetting
from sentiment_lib.local import secrets
from sentiment_lib.local.state_folder import Home
from sentiment_lib.settings import load_settings, sources


@pytest.fixture
def sentiment(monkeypatch, tmp_path):
    """The commands in an installation of its own: (exit code, standard output)."""
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    app = typer.Typer()
    configuration.register(app)
    doctor.register(app)

    def run(*words):
        done = CliRunner().invoke(app, list(words))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return run


def test_each_setting_says_where_it_came_from_and_hides_secrets(sentiment, monkeypatch, tmp_path):
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "settings.env").write_text(
        "SENTIMENT_AUTHOR_KEY=hidden-word\nSENTIMENT_AIRFLOW_USER=anna\n"
    )
    monkeypatch.setenv("SENTIMENT_POLICY__GATE__BOOTSTRAP_ROUNDS", "2000")
    monkeypatch.setenv("SENTIMENT_SERVING", '{"maximum_texts": 7}')
    _, shown = sentiment("config", "show", "--json")
    rows = {row["variable"]: (row["value"], row["source"]) for row in json.loads(shown)}
    assert "hidden-word" not in shown
    assert rows["SENTIMENT_AUTHOR_KEY"] == ("**********", "secrets/settings.env")
    assert rows["SENTIMENT_AIRFLOW_USER"] == ("anna", "secrets/settings.env")
    assert rows["SENTIMENT_POLICY__GATE__BOOTSTRAP_ROUNDS"] == ("2000", "environment")
    assert rows["SENTIMENT_SERVING__MAXIMUM_TEXTS"] == ("7", "environment")
    assert rows["SENTIMENT_POLICY__RETRAIN__COOL_DOWN"] == ("PT1H", "default")
    _, shown = sentiment("config", "show", "gate", "--changed")
    assert [line.split()[0] for line in shown.splitlines()] == ["variable", "SENTIMENT_POLICY__GATE__BOOTSTRAP_ROUNDS"]


def test_the_check_names_the_first_setting_that_is_wrong(sentiment, monkeypatch):
    assert sentiment("config", "check")[0] == 0
    monkeypatch.setenv("SENTIMENT_POLICY__GATE__BOOTSTRAP_ROUND", "2000")
    with pytest.raises(BadSetting, match="Did you mean SENTIMENT_POLICY__GATE__BOOTSTRAP_ROUNDS"):
        sentiment("config", "check")
    code, shown = sentiment("doctor")
    assert code == 1
    assert "✗ settings" in shown
    assert "Did you mean" in shown


def test_the_doctor_says_what_to_do_without_a_stack(sentiment):
    code, shown = sentiment("doctor", "--json")
    checks = {row["check"]: row for row in json.loads(shown)}
    assert code == 1
    assert checks["stack"]["state"] == "warning"
    assert checks["database"]["state"] == "failed"
    assert "sentiment up" in checks["database"]["remedy"]
    assert all(bool(row["remedy"]) == (row["state"] != "ok") for row in checks.values())


def test_the_doctor_finds_secrets_that_others_can_read(sentiment, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets").chmod(0o755)
    _, shown = sentiment("doctor", "--json")
    found = next(row for row in json.loads(shown) if row["check"] == "secrets")
    assert found["state"] == "failed"
    assert "mode 055" in found["finding"]


def test_the_environment_does_not_choose_the_server_that_says_who_people_are(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    app = typer.Typer()
    people.register(app)
    (tmp_path / "secrets").mkdir()
    written = "SENTIMENT_AIRFLOW_URL=http://127.0.0.1:8080\nSENTIMENT_AIRFLOW_USER=sentiment\n"
    (tmp_path / "secrets" / "settings.env").write_text(written)
    login, add = ["login", "--user", "admin", "--password-stdin"], ["people", "add", "admin"]
    for words, variable, value in (
        (login, "SENTIMENT_AIRFLOW_URL", "http://127.0.0.1:1"),
        (add, "SENTIMENT_AIRFLOW_USER", ""),
    ):
        with monkeypatch.context() as environment:
            environment.setenv(variable, value)
            done = CliRunner().invoke(app, words, input="wrong\n")
        assert isinstance(done.exception, BadSetting)
        assert variable in str(done.exception)


def test_lines_that_a_person_added_outlive_the_next_start(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    home, rule = Home(tmp_path), "SENTIMENT_POLICY__RETRAIN__NEW_LABELS"
    home.create()
    secrets.write_settings(home, {"SENTIMENT_MLFLOW_URI": "http://one"})
    with (home.secrets / "settings.env").open("a") as file:
        file.write(f"{rule}=77\n")
    (home.secrets / "policy.env").write_text("# ours\nSENTIMENT_X_QUERY=ours")
    for address in ("http://two", "http://three"):
        secrets.write_settings(home, {"SENTIMENT_MLFLOW_URI": address})
        found = load_settings()
        assert (found.policy.retrain.new_labels, found.x_query, found.mlflow_uri) == (77, "ours", address)
    assert (home.secrets / "policy.env").read_text() == f'# ours\nSENTIMENT_X_QUERY=ours\n{rule}="77"\n'
    found = {row.variable: row.source for row in sources(load_settings())}
    assert found[rule] == "secrets/policy.env"
    assert found["SENTIMENT_MLFLOW_URI"] == "secrets/settings.env"


def test_a_misspelt_line_of_a_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "policy.env").write_text("SENTIMENT_POLICY_GATE__ERROR_BUDGET=0.02\n")
    with pytest.raises(BadSetting, match="Did you mean SENTIMENT_POLICY__GATE__ERROR_BUDGET"):
        load_settings()
