"""Requests for an approval on a running stack, and what its people ask and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.stack_home import StackHome

CHAMPION = "SELECT to_version AS version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"
LAST = "SELECT response, answered_by, reason FROM approvals ORDER BY approval_id DESC LIMIT 1"
#: A question stands for three minutes.
POLICY = {"SENTIMENT_POLICY__APPROVAL__EXPIRES_AFTER": "PT3M"}


def request_approval(stack: StackHome, by: str, every: float = 1.0, **conf: Any) -> str:
    """Start a retrain as this user; returns the run once its approval is pending."""
    run_id = stack.airflow(by).trigger("retrain", **conf)
    person = stack.airflow("mlops")
    person.until(lambda: run_id in person.waiting(), seconds=300, what="a question", every=every)
    return run_id


def response_of(stack: StackHome, run_id: str) -> Any:
    """The recorded response, once the run has ended in success."""
    assert stack.airflow("admin").ended("retrain", run_id) == "success"
    return stack.rows(LAST)[0]
