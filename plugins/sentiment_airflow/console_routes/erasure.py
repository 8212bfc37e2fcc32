"""Routes of requests to forget.

No postponed annotations: FastAPI reads Airflow's dependencies from them.
"""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from sentiment_airflow.console_routes.access import READ, Id
from sentiment_airflow.console_routes.rendering import draw_with
from sentiment_lib.console import erasure
from sentiment_lib.settings import Settings
from sentiment_lib.storage.engine import Store


def add_erasure(app: FastAPI, store: Store, settings: Settings) -> None:
    """Requests to forget, and the receipt of one."""
    page = draw_with(store)

    @app.get("/erasure", dependencies=[READ])
    def list_erasures() -> HTMLResponse:
        with store.begin() as connection:
            return page("erasure.html", "/erasure", **erasure.view(connection, settings.policy))

    @app.get("/erasure/{request_id}", dependencies=[READ])
    def show_erasure(request_id: Id) -> HTMLResponse:
        with store.begin() as connection:
            values = erasure.one(connection, settings.policy, request_id)
        return page("erasure_request.html", "/erasure/one", **values)
