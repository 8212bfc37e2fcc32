"""Default arguments of every DAG and task: owner, retries, time limits, alert on failure.

Cheap to import: the dag-processor imports this with every DAG file.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, RetryDecision, RetryPolicy

from sentiment_airflow.notifiers import FailureNotice
from sentiment_lib.errors import SentimentError
from sentiment_lib.policy import Policy
from sentiment_lib.settings import load_settings


class RetryByError(RetryPolicy):
    """Fails at once on an error that a retry cannot fix (`SentimentError.retryable` is false)."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002
        max_tries: int,  # noqa: ARG002
        context: Any = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Fail, or leave it to the task's own retries and back-off."""
        if isinstance(exception, SentimentError) and not exception.retryable:
            return RetryDecision.fail(reason=f"{type(exception).__name__} is not retryable")
        return RetryDecision.default()


TASK: dict[str, Any] = {
    "owner": "sentiment",
    # a killed database or MLflow restarts within seconds; retry for minutes
    "retries": 6,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RetryByError(),
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": FailureNotice(),
}

#: Arguments of every DAG. Tasks use default_pool, trainings the pools of the policy.
DAG: dict[str, Any] = {"default_args": TASK, "catchup": False, "is_paused_upon_creation": False}

#: A first run happens this long after its time at the latest. The time is computed again whenever the file is read.
FIRST_RUN = timedelta(minutes=10)


def upkeep(cron: str) -> CronTriggerTimetable:
    """Times (UTC) of a DAG that keeps the platform in order. The first is in the future, and needs no start_date:
    with one, Airflow would begin with the time before, beside the first loop of an empty installation.
    """
    return CronTriggerTimetable(cron, timezone="UTC", run_immediately=FIRST_RUN)


def policy() -> Policy:
    """The policy of this installation at the time the DAG file is parsed."""
    return load_settings().policy


def approvers() -> list[dict[str, str]]:
    """Airflow users who may respond to an approval, as far as the policy names them."""
    return airflow_users(policy().approval.approvers)


def airflow_users(names: Iterable[str]) -> list[dict[str, str]]:
    """These people as Airflow's users."""
    return [{"id": name, "name": name} for name in names]


def approval_tasks() -> list[str]:
    """Ids of the tasks of `retrain` that ask for an approval: one for each of the quorum, one after another."""
    return ["approval", *(f"approval_{number}" for number in range(2, policy().approval.quorum + 1))]
