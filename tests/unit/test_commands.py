"""The command line's manners: help, exit codes, and errors in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CALL = "import sys; sys.argv[0] = 'sentiment'; from sentiment_lib.cli import main; main()"


@pytest.fixture
def sentiment(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENTIMENT_")}

    def run(*words: str, database: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**kept, "SENTIMENT_HOME": str(tmp_path), "COLUMNS": "200", **more}
        if database:
            environment["SENTIMENT_DATABASE_URL"] = database
        command = [sys.executable, "-c", CALL, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_help_names_the_steps_of_the_loop(sentiment):
    done = sentiment("--help")
    assert done.returncode == 0
    for command in ("score", "snapshot", "train", "evaluate", "approve", "promote", "rollback", "drift"):
        assert command in done.stdout


def test_every_command_that_the_documents_name_is_there(sentiment):
    known = set(re.findall(r"^[ │]+([a-z-]+) ", sentiment("--help").stdout, re.MULTILINE))
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "dags").glob("*.py")]
    named = {word for path in documents for word in re.findall(r"(?:`|^)sentiment ([a-z-]+)", path.read_text(), re.M)}
    assert len(named) > 20
    assert named <= known


def test_help_is_quick_because_nothing_heavy_is_imported():
    code = (
        "import sys; sys.argv = ['sentiment', '--help']\n"
        "from sentiment_lib.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'mlflow', 'evidently', 'sklearn', 'airflow', 'pandas', 'sqlalchemy'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_a_misuse_is_exit_code_2_and_nothing_is_done(sentiment):
    done = sentiment("approve", "seven")
    assert done.returncode == 2
    assert "DECISION_ID" in done.stderr


def test_an_error_of_ours_is_one_line_and_exit_code_1(sentiment):
    done = sentiment("score")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "sentiment: SENTIMENT_DATABASE_URL is not valid: it is not set. `sentiment up` writes it to SENTIMENT_HOME "
        "(default: .local in this folder)"
    ]
    assert done.stdout == ""


def test_under_json_an_error_is_one_object_on_stderr(sentiment):
    done = sentiment("score", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    error = json.loads(done.stderr)
    assert error["error"] == "BadInput"
    assert error["details"]["what"] == "SENTIMENT_DATABASE_URL"


def test_a_misuse_under_json_is_one_object_too(sentiment):
    done = sentiment("approve", "seven", "--json")
    assert done.returncode == 2
    assert "decision_id" in json.loads(done.stderr)["message"].lower()


@pytest.mark.parametrize("words", [("score",), ("alerts", "list"), ("decision", "list"), ("quarantine",)])
def test_a_stopped_stack_is_one_line_that_says_what_to_start(sentiment, words):
    done = sentiment(*words, database="postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["sentiment: The stack is not running: `sentiment up`"]
    done = sentiment(*words, "--json", database="postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert json.loads(done.stderr)["error"] == "StackNotRunning"


def test_a_database_that_refuses_a_statement_is_running(database_url):
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    from sentiment_lib.cli.common import is_unreachable
    from sentiment_lib.storage.engine import Store

    store = Store(database_url)
    with store.engine.connect() as connection:
        connection.execute(text("SET statement_timeout = 1"))
        with pytest.raises(OperationalError) as refused:
            connection.execute(text("SELECT pg_sleep(5)"))
    store.close()
    assert not is_unreachable(refused.value)


def test_a_misspelt_rule_is_one_line_with_the_nearest_rule(sentiment):
    done = sentiment("score", SENTIMENT_POLICY__GATE__ERROR_BUGET="0.1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("Did you mean SENTIMENT_POLICY__GATE__ERROR_BUDGET?")


def test_an_unexpected_error_is_one_line_and_its_traceback_is_shown_when_asked_for(sentiment):
    done = sentiment("explore", "missing.csv")
    assert len(done.stderr.splitlines()) == 1
    shown = sentiment("explore", "missing.csv", SENTIMENT_TRACEBACK="1")
    assert "Traceback" in shown.stderr


def test_version_is_that_of_the_package(sentiment):
    from importlib.metadata import version

    assert sentiment("--version").stdout.strip() == version("airline-sentiment")


def test_a_shell_completes_commands_and_options(sentiment):
    words = {"_SENTIMENT_COMPLETE": "complete_bash", "COMP_WORDS": "sentiment snap", "COMP_CWORD": "1"}
    assert "snapshot" in sentiment(**words).stdout
    words["COMP_WORDS"], words["COMP_CWORD"] = "sentiment score --j", "2"
    assert "--json" in sentiment(**words).stdout


def test_a_command_without_its_subcommand_shows_the_help_once(sentiment):
    done = sentiment("alerts")
    assert done.returncode == 2
    assert (done.stdout + done.stderr).count("acknowledge") == 1


def test_up_refuses_a_policy_that_names_no_family_and_starts_nothing(sentiment, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "settings.env").write_text("""SENTIMENT_POLICY__RETRAIN__OPTIONS='{"bret": {}}'\n""")
    done = sentiment("up")
    assert done.returncode == 1
    assert "no model family 'bret'. Known: bert, " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]
