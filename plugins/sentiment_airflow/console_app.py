"""The console's app: routes, headers and error pages."""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from sentiment_airflow.console_routes.alerts import add_alerts
from sentiment_airflow.console_routes.decisions import add_decisions
from sentiment_airflow.console_routes.drift import add_drift, add_replays
from sentiment_airflow.console_routes.erasure import add_erasure
from sentiment_airflow.console_routes.models import add_models
from sentiment_airflow.console_routes.rendering import unshown
from sentiment_airflow.console_routes.tabs import add_airflow_tabs
from sentiment_airflow.console_routes.tweets import add_tweets
from sentiment_lib.console.pages import files
from sentiment_lib.errors import BadInput, NotFound, TooSlow
from sentiment_lib.pages.assets import CACHE_CONTROL
from sentiment_lib.pages.refusals import refusal
from sentiment_lib.pages.templates import content_security_policy
from sentiment_lib.settings import load_settings
from sentiment_lib.storage.engine import Store

#: Titles of error pages by status.
TITLES = {401: "Sign in first", 403: "You may not do this", 404: "Not found"}


def create() -> FastAPI:
    """The console on the database of the settings."""
    settings = load_settings()
    store = Store.open(settings, requests=True)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    add_error_pages(app)

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        # Postgres stores no NUL, and no page has one in its address
        nul = "\0" in unquote(f"{request.scope['path']}?{request.url.query}")
        response = unshown("its address contains a NUL") if nul else await call_next(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy("self"))
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        content, media_type = files().content(name)
        return Response(content, media_type=media_type, headers={"Cache-Control": CACHE_CONTROL})

    add_decisions(app, store, settings)
    add_tweets(app, store, settings)
    add_airflow_tabs(app, store)
    add_drift(app, store, settings)
    add_replays(app, store, settings)
    add_alerts(app, store)
    add_models(app, store, settings)
    add_erasure(app, store, settings)
    return app


def add_error_pages(app: FastAPI) -> None:
    """Every error is a page in the console's frame."""

    @app.exception_handler(NotFound)
    async def missing(_: Request, error: NotFound) -> Response:
        return unshown(str(error), title="Not found", status=404)

    @app.exception_handler(BadInput)
    async def refused(_: Request, error: BadInput) -> Response:
        return unshown(str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return unshown(
            "; ".join(
                f"{str(problem['loc'][-1]).replace('_', ' ')}: {refusal(problem) or problem['msg']}"
                for problem in error.errors()
            )
        )

    @app.exception_handler(TooSlow)
    async def ended(_: Request, error: TooSlow) -> Response:
        return unshown(str(error), title="This took too long", status=503)

    @app.exception_handler(StarletteHTTPException)
    async def denied(_: Request, error: StarletteHTTPException) -> Response:
        page = unshown(str(error.detail), title=TITLES.get(error.status_code, "This failed"), status=error.status_code)
        page.headers.update(error.headers or {})
        return page

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        # outside of the middleware; the server logs the traceback
        page = unshown("The log of Airflow's API server has the reason.", title="This failed", status=500)
        page.headers["Content-Security-Policy"] = content_security_policy("self")
        page.headers["X-Frame-Options"] = "SAMEORIGIN"
        return page
