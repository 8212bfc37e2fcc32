"""A running stack with its first request for an approval, and what its people ask and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.stack_home import StackHome

CHAMPION = "SELECT to_version AS version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"
LAST = "SELECT response, answered_by, reason FROM approvals ORDER BY approval_id DESC LIMIT 1"
#: `retrain` is asked for by people here only; a question stands for two minutes.
POLICY = {"SENTIMENT_POLICY__APPROVAL__EXPIRES_AFTER": "PT2M"}


def wait_for_request(stack: StackHome) -> None:
    """Start this stack on the sample stream and wait for its first request."""
    from benchmarks.airflow_rest import PATIENCE

    stack.environment.update(POLICY)
    stack.up(sample=True)
    stack.patience = PATIENCE
    stack.airflow("mlops").until(stack.airflow("mlops").waiting, seconds=600, what="the first question")


def request_approval(stack: StackHome, by: str, every: float = 1.0) -> str:
    """Start a retrain as this user; returns the run once its approval is pending."""
    run_id = stack.airflow(by).trigger("retrain")
    person = stack.airflow("mlops")
    person.until(lambda: run_id in person.waiting(), seconds=300, what="a question", every=every)
    return run_id


def response_of(stack: StackHome, run_id: str) -> Any:
    """The recorded response, once the run has ended in success."""
    assert stack.airflow("admin").ended("retrain", run_id) == "success"
    return stack.rows(LAST)[0]
