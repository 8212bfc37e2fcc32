"""Bodies of the tasks of `backup` and `restore_drill`. Without set-up, or without a backup, they are skipped."""

from __future__ import annotations

from typing import Any

from sentiment_airflow.run_step import run_step, to_xcom

Json = dict[str, Any]


def back_up() -> Json:
    """Take a backup."""
    from airflow.sdk.exceptions import AirflowSkipException

    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.backup import back_up

    if not back_up.is_set_up(load_settings()):
        raise AirflowSkipException("SENTIMENT_BACKUP__RECIPIENT is empty: `sentiment backup key FILE` makes a key")
    return to_xcom(run_step(back_up.run))


def drill() -> Json:
    """Restore the newest backup into a scratch folder. Raises BackupFailed when it is not good."""
    from airflow.sdk.exceptions import AirflowSkipException

    from sentiment_lib.errors import BackupFailed
    from sentiment_lib.settings import load_settings
    from sentiment_lib.steps.backup import drill, expire

    if not expire.complete(load_settings().backups):
        raise AirflowSkipException("there is no backup yet")
    result = run_step(drill.run)
    if not result.ok:
        raise BackupFailed(what=f"the backup {result.backup}", problem="; ".join(result.problems)[:1000])
    return to_xcom(result)
