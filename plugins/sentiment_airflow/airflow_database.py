"""Removes old rows from Airflow's own database by Airflow's command, in a process of its own.

The process needs an address of its own as well: Airflow hides its database from tasks.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime

from sentiment_lib import clock
from sentiment_lib.settings import load_settings

#: What grows with every run. Airflow looks at the age of rows alone, not at their state: an open question goes with its
#: run. The policy therefore keeps runs for several times as long as a question may wait.
TABLES = (
    "asset_event",
    "callback",
    "celery_taskmeta",
    "celery_tasksetmeta",
    "dag_run",
    "deadline",
    "import_error",
    "job",
    "log",
    "revoked_token",
    "session",
    "task_instance",
    "task_instance_history",
    "trigger",
    "xcom",
)
#: Seconds that the command may take, and rows that it removes in one transaction.
SECONDS, BATCH = 1500, 10_000
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
#: Set in the process of a task, whose address leads nowhere.
OF_TASKS = (CONNECTION, "AIRFLOW__CORE__SQL_ALCHEMY_CONN", "_AIRFLOW_PROCESS_CONTEXT", "_AIRFLOW_FORK_EXEC")
FOUND = re.compile(r"^Checking table (\w+)\s+Found (\d+) rows", re.MULTILINE)


def clean(at: datetime | None = None) -> dict[str, int]:
    """Remove rows older than `retention.airflow` as of `at` (default: now); returns how many, by table.

    Skips the task where SENTIMENT_AIRFLOW_DATABASE_URL is empty. Raises RuntimeError when the command fails.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    settings = load_settings()
    address = settings.airflow_database_url.get_secret_value()
    if not address:
        raise AirflowSkipException("SENTIMENT_AIRFLOW_DATABASE_URL is empty: nothing of Airflow's is removed")
    before = (at or clock.now()) - settings.policy.retention.airflow
    command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat()]
    command += ["--tables", ",".join(TABLES), "--batch-size", str(BATCH)]
    command += ["--skip-archive", "--yes", "--error-on-cleanup-failure"]
    environment = {name: value for name, value in os.environ.items() if name not in OF_TASKS} | {CONNECTION: address}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    print(done.stdout, done.stderr)
    if done.returncode:
        raise RuntimeError(f"`airflow db clean` ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return {table: int(rows) for table, rows in FOUND.findall(done.stdout) if int(rows)}
