"""Routes of the tabs on Airflow's own pages.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

from fastapi import FastAPI, Response

from sentiment_airflow.airflow_internals import SessionDep, read_xcom
from sentiment_airflow.console_routes.access import READ
from sentiment_airflow.console_routes.rendering import redirect
from sentiment_lib.console import of_dag
from sentiment_lib.storage.engine import Store


def add_airflow_tabs(app: FastAPI, store: Store) -> None:
    """Targets of the tabs on Airflow's own pages."""

    @app.get("/dags/{dag_id}", dependencies=[READ])
    def show_on_dag(dag_id: str) -> Response:
        return redirect(of_dag.of_dag(dag_id), dag_id)

    @app.get("/dags/{dag_id}/runs/{run_id:path}", dependencies=[READ])
    def show_on_run(dag_id: str, run_id: str, session: SessionDep) -> Response:
        report = read_xcom(session, dag_id, run_id, "compare_windows") if dag_id == "check_drift" else None
        replayed = read_xcom(session, dag_id, run_id, "compare_policies") if dag_id == "replay" else None
        with store.begin() as connection:
            return redirect(of_dag.of_run(connection, dag_id, run_id, report, replayed), dag_id)
