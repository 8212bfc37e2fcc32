"""What the tasks of a run gave, for the pages in the api-server: tasks themselves cannot ask Airflow's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def returned(session: Session, dag_id: str, run_id: str, task_id: str) -> Any:
    """The value that a task gave back; None when there is none, or not yet."""
    from airflow.models.xcom import XCOM_RETURN_KEY, XComModel

    query = XComModel.get_many(key=XCOM_RETURN_KEY, run_id=run_id, dag_ids=dag_id, task_ids=task_id, limit=1)
    found = session.scalars(query).first()
    return None if found is None else XComModel.deserialize_value(found)
