"""Routes of the overview and of decisions.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from sentiment_airflow.airflow_internals import GetUserDep
from sentiment_airflow.console_routes.access import ALL, READ, Before, Id
from sentiment_airflow.console_routes.rendering import draw_with
from sentiment_lib.console import decisions, overview
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store


def add_decisions(app: FastAPI, store: Store, settings: Settings) -> None:
    """The overview, and decisions with their evidence."""
    page = draw_with(store)

    @app.get("/", dependencies=[READ])
    def show_overview(
        start: Annotated[str, Query(alias="from", max_length=10)] = "",
        end: Annotated[str, Query(alias="to", max_length=10)] = "",
        airline: Annotated[str, Query(max_length=100)] = ALL,
    ) -> HTMLResponse:
        with store.begin() as connection:
            values = overview.view(
                connection, settings, start=start, end=end, airline=None if airline == ALL else airline
            )
        return page("overview.html", "/", **values)

    @app.get("/decisions", dependencies=[READ])
    def list_decisions(run: str = Query("", max_length=250), before: Before = None) -> HTMLResponse:
        with store.begin() as connection:
            found = decisions.page(connection, run, before)
        return page("decisions.html", "/decisions", run=run, rows=found.rows, older=found.older)

    @app.get("/decisions/{decision_id}", dependencies=[READ])
    def show_decision(decision_id: Id, user: GetUserDep) -> HTMLResponse:
        with store.begin() as connection:
            values = decisions.view(connection, settings.policy, decision_id, person=user.get_name())
        return page("decision.html", "/decisions/one", **values)
