"""The running stack on its machine: what each process knows, who can read its files, who holds its ports."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest
from sqlalchemy.exc import ProgrammingError

from sentiment_lib.local import postgres
from sentiment_lib.signing import PUBLIC_KEYS_FILE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def environment(pid):
    """The environment that the process was started with; a program that sets its title overwrites the beginning."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except (ProcessLookupError, FileNotFoundError):  # a parsing process that has ended
        return ""


def test_each_process_knows_only_the_secrets_that_it_uses(running):
    stored = json.loads((running.home / "secrets" / "stack.env.json").read_text())
    people = running.passwords()
    secrets = {**stored, **{f"airflow {user}": password for user, password in people.items()}}
    del secrets["stack_id"]  # marks the stack's processes
    pids = {name: part["pid"] for name, part in running.status()["components"].items() if part["pid"]}

    def known(name):
        family = [pids[name], *(child.pid for child in psutil.Process(pids[name]).children(recursive=True))]
        text = "".join(environment(pid) for pid in family)
        return {secret for secret, value in secrets.items() if value in text}

    assert {"api", "alerts", "mlflow", "postgres", "airflow-scheduler"} <= pids.keys()
    assert known("postgres") == set()
    assert known("mlflow") <= {"mlflow_password", "mlflow_admin_account", "mlflow_csrf_key"}
    assert known("api") <= {"sentiment_api_password", "mlflow_reader_account", "author_key"}
    assert known("alerts") <= {"sentiment_app_password"}
    for name in ("airflow-dag-processor", "airflow-triggerer"):
        assert not known(name) & {"jwt_secret", "secret_key", "mlflow_admin_account", "airflow admin"}
    for name in pids:
        assert not known(name) & {"postgres_password", "sentiment_password", "airflow admin", "airflow mlops"}


def test_nobody_else_reads_the_state(running):
    readable = {
        str(path.relative_to(running.home))
        for path in (running.home, *running.home.rglob("*"))
        # files in the landing folder keep the mode that who put them there gave them
        if "landing" not in path.parts and not path.is_symlink() and path.lstat().st_mode & 0o077
    }
    # public keys are public, for components of other accounts
    assert readable <= {f"secrets/signing/{PUBLIC_KEYS_FILE}"}
    assert (running.home / "logs" / "api.log").stat().st_size > 0


def test_the_database_of_another_account_needs_no_open_folder(running):
    user = postgres.run_as()
    owner = (running.home / "postgres" / "PG_VERSION").stat().st_uid
    assert (owner == os.geteuid()) == (user is None)


def test_the_command_lines_role_cannot_switch_off_a_trigger(running):
    with pytest.raises(ProgrammingError, match="must be owner"):
        running.rows("ALTER TABLE ledger DISABLE TRIGGER USER")
