"""Removes old rows from Airflow's own database, by Airflow's command: `python -m sentiment_airflow.airflow_database`.

A process of its own does it, once a day: a task cannot reach Airflow's database.
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime

from sentiment_lib.settings import load_settings

#: What grows with every run. Airflow looks at the age of rows alone, not at their state: an open question goes with its
#: run. The policy therefore keeps runs for four times as long as a question may wait.
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
#: Seconds between two turns.
EVERY = 86_400


def clean(at: datetime | None = None) -> datetime:
    """Remove rows older than `retention.airflow` as of `at` (default: now); returns the time before which they go.

    Raises CalledProcessError when the command fails.
    """
    before = (at or datetime.now(UTC)) - load_settings().policy.retention.airflow
    command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat()]
    subprocess.run([*command, "--tables", ",".join(TABLES), "--skip-archive", "--yes"], check=True, timeout=3600)
    return before


def main() -> None:
    """Clean once a day; ends when a turn fails, and whoever supervises it starts it again."""
    while True:
        print(f"removed rows from before {clean():%Y-%m-%d %H:%M} UTC", flush=True)
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
