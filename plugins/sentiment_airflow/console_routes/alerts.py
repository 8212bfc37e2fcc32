"""Routes of alerts.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from sentiment_airflow.airflow_internals import GetUserDep, may_run
from sentiment_airflow.console_routes.access import ACT, DAG, READ, Before, Id, require_same_origin
from sentiment_airflow.console_routes.rendering import draw_with
from sentiment_lib.console import alerts
from sentiment_lib.console.pages import BASE
from sentiment_lib.errors import BadInput
from sentiment_lib.storage import alert_responses
from sentiment_lib.storage import alerts as stored_alerts
from sentiment_lib.storage.engine import Store


def add_alerts(app: FastAPI, store: Store) -> None:
    """Alerts, and people's responses to them."""
    page = draw_with(store)

    @app.get("/alerts", dependencies=[READ])
    def list_alerts(user: GetUserDep, state: str = "unresolved", before: Before = None) -> HTMLResponse:
        if state not in stored_alerts.STATES:
            raise HTTPException(422, f"state is one of {', '.join(stored_alerts.STATES)}")
        with store.begin() as connection:
            values = alerts.view(connection, state, before)
        return page("alerts.html", "/alerts", **values, may_act=may_run(DAG, user), problem="")

    @app.post("/alerts/{alert_id}", dependencies=[ACT])
    def respond(
        alert_id: Id,
        request: Request,
        user: GetUserDep,
        action: Annotated[str, Form()],
        comment: Annotated[str, Form(max_length=alert_responses.LONGEST_COMMENT)] = "",
        verdict: Annotated[str, Form()] = "",
    ) -> Response:
        require_same_origin(request)
        try:
            with store.begin() as connection:
                alert_responses.respond(
                    connection, alert_id, action, by=user.get_name(), comment=comment, verdict=verdict or None
                )
        except BadInput as error:
            with store.begin() as connection:
                values = alerts.view(connection)
            return page("alerts.html", "/alerts", **values, may_act=True, problem=str(error), status=422)
        return RedirectResponse(f"{BASE}/alerts", status_code=303)
