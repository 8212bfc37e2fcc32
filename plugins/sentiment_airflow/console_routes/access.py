"""Who may read and act on the console, and what its addresses may hold.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

from typing import Annotated

from fastapi import Depends, HTTPException, Path, Query, Request

from sentiment_airflow.airflow_internals import DagAccessEntity, requires_access_dag
from sentiment_lib.pages.same_origin import is_same_origin

#: Permission to see this DAG is permission to read; permission to run it is permission to act.
DAG = "retrain"
READ = Depends(requires_access_dag("GET", param_dag_id=DAG))
ACT = Depends(requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=DAG))
#: Value of a filter that leaves nothing out; an airline's name may be empty.
ALL = "all"
#: The largest id that Postgres can hold.
MAX_ID = 2**63 - 1
Id = Annotated[int, Path(ge=1, le=MAX_ID)]
#: An id among the parameters of an address.
Chosen = Annotated[int, Query(ge=1, le=MAX_ID)]
#: Id before which a page of a list ends.
Before = Annotated[int | None, Query(ge=1, le=MAX_ID)]
#: Hash of the evidence of a replay.
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


def require_same_origin(request: Request) -> None:
    """Refuse a request that another site made."""
    if not is_same_origin(request.headers):
        raise HTTPException(403, "this request comes from another site")
