"""The question to a person, as an operator that never asks twice for an answer that was given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator


class Question(HITLOperator):
    """Airflow's question, which a fresh try answers by what a person said to the try before.

    Airflow 3.3 can fail a task that is answered within moments of its question: the executor still reports the end of
    the process that asked, while the task goes on already. Asking again would wipe the answer out.
    """

    def execute(self, context: Any) -> Any:
        given = _given(context["ti"])
        return given or super().execute(context)


def _given(ti: Any) -> dict[str, Any] | None:
    """What a person answered to an earlier try, as `execute_complete` gives it; None when nobody did."""
    from urllib.error import HTTPError

    from sentiment_airflow.api_client import connect

    api = connect() if ti.try_number > 1 else None
    if api is None:
        return None
    # a try that Airflow failed leaves its question to the next one; a try that a person cleared takes it along
    questions = ["hitlDetails", *(f"hitlDetails/tries/{before}" for before in range(ti.try_number - 1, 0, -1))]
    for question in questions:
        try:
            said = api.task("GET", ti.dag_id, ti.run_id, f"{ti.task_id}/-1/{question}")
        except HTTPError as error:
            if error.code != 404:  # no such question: the try ended before it had asked
                raise
            continue
        if said["responded_by_user"]:
            return {
                "chosen_options": said["chosen_options"],
                "params_input": said["params_input"] or {},
                "responded_at": datetime.fromisoformat(said["responded_at"]),
                "responded_by_user": said["responded_by_user"],
            }
    return None
