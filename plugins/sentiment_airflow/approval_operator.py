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
    from urllib.error import HTTPError

    from sentiment_airflow.api_client import connect

    api = connect() if ti.try_number > 1 else None
    if api is None:
        return None
    # a try that Airflow failed leaves its request to the next try; one that a person cleared keeps its own
    paths = ["hitlDetails", *(f"hitlDetails/tries/{number}" for number in range(ti.try_number - 1, 0, -1))]
    for path in paths:
        try:
            details = api.task("GET", ti.dag_id, ti.run_id, f"{ti.task_id}/-1/{path}")
        except HTTPError as error:
            if error.code != 404:  # not found: the try ended before it made its request
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
