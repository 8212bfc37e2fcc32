"""Start a run of a DAG in Airflow, once for each run id."""

from __future__ import annotations

from sentiment_lib.airflow_client import AirflowClient
from sentiment_lib.errors import SentimentError
from sentiment_lib.settings import Settings


class NotStarted(SentimentError):
    """The DAG {dag} was not started: {problem}"""


def run(settings: Settings, dag_id: str, *, run_id: str, note: str) -> None:
    """Start the run; one of this id that exists already is left alone.

    Raises NotStarted without an account in Airflow, and when Airflow is away or refuses.
    """
    import httpx

    if not settings.airflow_user:
        raise NotStarted(dag=dag_id, problem="there is no account in Airflow; `sentiment retrain` does it by hand")
    client = AirflowClient.of_platform(settings)
    body = {"dag_run_id": run_id, "logical_date": None, "note": note}
    try:
        client.call("POST", f"/dags/{dag_id}/dagRuns", body)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.CONFLICT:
            raise NotStarted(dag=dag_id, problem=f"Airflow refuses ({error})") from error
    except httpx.HTTPError as error:
        raise NotStarted(dag=dag_id, problem=f"Airflow is away ({error})") from error
