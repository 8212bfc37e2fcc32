"""Human-in-the-loop approval that keeps a response when Airflow runs the task again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator


class ApprovalRequestOperator(HITLOperator):
    """An HITLOperator that returns the response to an earlier try, if there is one, instead of asking again.

    Airflow 3.3 can fail a task that is answered within moments of its request: the executor reports the end of the
    process that asked after the task has resumed already. Asking again would discard the response.
    """

    def execute(self, context: Any) -> Any:
        """The earlier response, or wait for one."""
        return earlier_response(context["ti"]) or super().execute(context)


def earlier_response(ti: Any) -> dict[str, Any] | None:
    """A person's response to an earlier try, in the form of `execute_complete`; None when nobody responded."""
    import httpx

    from sentiment_airflow.platform_client import connect
    from sentiment_lib.airflow_client import task_path

    client = connect() if ti.try_number > 1 else None
    if client is None:
        return None
    task = task_path(ti.dag_id, ti.run_id, ti.task_id)
    # a try that Airflow failed leaves its request to the next try; one that a person cleared keeps its own
    paths = ["hitlDetails", *(f"hitlDetails/tries/{number}" for number in range(ti.try_number - 1, 0, -1))]
    for path in paths:
        try:
            details = client.call("GET", f"{task}/-1/{path}")
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 404:  # not found: the try ended before it made its request
                raise
            continue
        if details["responded_by_user"]:
            return {
                "chosen_options": details["chosen_options"],
                "params_input": details["params_input"] or {},
                "responded_at": datetime.fromisoformat(details["responded_at"]),
                "responded_by_user": details["responded_by_user"],
            }
    return None
