"""Compare recorded answers with Airflow's own record of them, while their run still exists there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sentiment_lib.airflow_client import AirflowClient, task_path
from sentiment_lib.settings import Settings

#: In the text of a question: the page of the decision that it is about.
_PAGE = re.compile(r"/sentiment/decisions/(\d+)\)")
#: Tolerance between both records of one time.
CLOSE = timedelta(seconds=1)


def compare(settings: Settings, recorded: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Problems, and notes on what could not be compared; without an account in Airflow both are empty.

    recorded: facts of approvals and rejections that were given in Airflow. Of a deleted run the signed ledger row
    stands.
    """
    if not settings.airflow_user or not recorded:
        return [], []
    import httpx

    client = AirflowClient.of_platform(settings)
    problems = list[str]()
    for number, facts in enumerate(recorded):
        try:
            problems += _faults(client, facts)
        except httpx.HTTPError as error:
            return problems, [f"{len(recorded) - number} answers, since Airflow cannot be asked ({error})"]
    return problems, []


def _faults(client: AirflowClient, facts: Mapping[str, Any]) -> Iterator[str]:
    task = str((facts.get("provenance") or {}).get("task", ""))
    if task.count("/") < 2:
        return  # named by the check of the ledger
    answers = list(find_responses(client, task))
    when = datetime.fromisoformat(facts["answered_at"])
    if answers and not any(
        answer["responded_by_user"]
        and answer["responded_by_user"]["name"] == facts["answered_by"]
        and abs(datetime.fromisoformat(answer["responded_at"]) - when) < CLOSE
        and asked_about(answer) in (None, facts["decision_id"])
        for answer in answers
    ):
        name = (
            f"approval {facts['approval_id']}" if "approval_id" in facts else f"vote on decision {facts['decision_id']}"
        )
        yield f"{name}: Airflow has another record of {task}, or none of an answer"


def find_responses(client: AirflowClient, task: str) -> Iterator[Mapping[str, Any]]:
    """Airflow's records of what was asked and answered in the tries of "dag/run/task"; none of a deleted run.

    Raises httpx.HTTPError when Airflow cannot be asked.
    """
    dag_id, _, rest = task.partition("/")
    run_id, _, task_id = rest.rpartition("/")
    path = task_path(dag_id, run_id, task_id)
    instance = _get(client, path)
    if instance is None:
        return
    for address in ("", *(f"/tries/{number}" for number in range(instance["try_number"], 0, -1))):
        details = _get(client, f"{path}/-1/hitlDetails{address}")
        if details is not None:
            yield details


def asked_about(details: Mapping[str, Any]) -> int | None:
    """The decision that Airflow's record of a question names; None when it names none, or several."""
    numbers = {int(number) for number in _PAGE.findall(details.get("body") or "")}
    return numbers.pop() if len(numbers) == 1 else None


def _get(client: AirflowClient, path: str) -> Any:
    """The JSON of a path; None when Airflow does not know it."""
    import httpx

    try:
        return client.call("GET", path)
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.NOT_FOUND:
            return None
        raise
