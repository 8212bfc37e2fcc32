"""Every interface of Airflow used here that Airflow does not call public, each with the reason; re-check on upgrade.

Everything else uses `airflow.sdk`, `airflow.plugins_manager`, `airflow.listeners`, providers and the REST API. Import
this module in the api-server only: Airflow hides its database from tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The dependencies of Airflow's own routes: the documentation of plugins says to secure a FastAPI app, and names none.
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["DagAccessEntity", "GetUserDep", "SessionDep", "may_run", "read_xcom", "requires_access_dag"]


def may_run(dag_id: str, user: Any) -> bool:
    """Whether this user may trigger the DAG: a page shows its buttons only then."""
    manager, run = get_auth_manager(), DagAccessEntity.RUN
    return bool(manager.is_authorized_dag(method="POST", access_entity=run, details=DagDetails(id=dag_id), user=user))


def read_xcom(session: Session, dag_id: str, run_id: str, task_id: str) -> Any:
    """The return value of a task, None when there is none (yet).

    The REST API has it as well, but a page would need an account of its own and a request to its own server.
    """
    from airflow.models.xcom import XCOM_RETURN_KEY, XComModel

    query = XComModel.get_many(key=XCOM_RETURN_KEY, run_id=run_id, dag_ids=dag_id, task_ids=task_id, limit=1)
    row = session.scalars(query).first()
    return None if row is None else XComModel.deserialize_value(row)
