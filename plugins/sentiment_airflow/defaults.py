"""What every task starts from: owner, back-off, retries by class of error, time limits, and a notice when it fails.

Cheap to import: the dag-processor reads this with every DAG file.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from sentiment_airflow.notifiers import FailureNotice
from sentiment_lib.policy import Policy
from sentiment_lib.settings import load_settings

#: Errors of ours that the same input gives again: another try would only delay the news.
HOPELESS = (
    "ApprovalVoid",
    "BadInput",
    "BadSource",
    "ChampionMoved",
    "LedgerBroken",
    "MissingExtra",
    "MissingWeights",
    "NotEnoughLabels",
    "NotFound",
    "TrainingCancelled",
    "TrainingRefused",
    "UnknownFamily",
    "UnsafeArtefact",
)

RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[f"sentiment_lib.errors.{name}" for name in HOPELESS],
            action=RetryAction.FAIL,
            reason="trying again cannot mend it",
        )
    ]
)

TASK: dict[str, Any] = {
    "owner": "mlops",
    # a killed database or MLflow is back within seconds; give it minutes before giving up
    "retries": 6,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RETRIES,
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": FailureNotice(),
}

#: What every DAG is given. Tasks run in default_pool, trainings in the policy's pools; what must not run side by side
#: says so where it is defined.
DAG: dict[str, Any] = {"default_args": TASK, "catchup": False, "is_paused_upon_creation": False}


def policy() -> Policy:
    """The policy of this installation, as it is when the DAG file is read."""
    return load_settings().policy


def approvers() -> list[dict[str, str]]:
    """Airflow users who may answer an approval."""
    return [{"id": name, "name": name} for name in policy().approval.approvers]
