"""The command line's manners: help, exit codes, and errors in one line."""

from __future__ import annotations

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

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**kept, "SENTIMENT_HOME": str(tmp_path), "COLUMNS": "200"}
        command = [sys.executable, "-c", CALL, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_help_names_the_steps_of_the_loop(sentiment):
    done = sentiment("--help")
    assert done.returncode == 0
    for command in ("score", "snapshot", "train", "evaluate", "approve", "promote", "rollback", "drift"):
        assert command in done.stdout


def test_every_command_that_the_documents_name_is_there(sentiment):
    known = set(re.findall(r"^[ │]+([a-z]+) ", sentiment("--help").stdout, re.MULTILINE))
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "dags").glob("*.py")]
    named = {word for path in documents for word in re.findall(r"(?:`|^)sentiment ([a-z]+)", path.read_text(), re.M)}
    assert len(named) > 20
    assert named <= known


def test_help_is_quick_because_nothing_heavy_is_imported():
    code = (
        "import sys; sys.argv = ['sentiment', '--help']\n"
        "from sentiment_lib.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'mlflow', 'evidently', 'sklearn', 'airflow'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_a_misuse_is_exit_code_2_and_nothing_is_done(sentiment):
    done = sentiment("approve", "seven", "--by", "someone")
    assert done.returncode == 2
    assert "decision_id" in done.stderr


def test_an_error_of_ours_is_one_line_and_exit_code_1(sentiment):
    done = sentiment("score")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "sentiment: SENTIMENT_DATABASE_URL is not valid: it is not set; `sentiment up` writes it"
    ]
    assert done.stdout == ""


def test_up_refuses_a_policy_that_names_no_family_and_starts_nothing(sentiment, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "settings.env").write_text("""SENTIMENT_POLICY__RETRAIN__OPTIONS='{"bret": {}}'\n""")
    done = sentiment("up")
    assert done.returncode == 1
    assert "no model family 'bret'. Known: bert, " in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["secrets"]
