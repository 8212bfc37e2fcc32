"""Routes of the console. No postponed annotations: FastAPI reads Airflow's dependencies from them."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path as FilePath
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, FastAPI, Form, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from sentiment_airflow.airflow_internals import (
    DagAccessEntity,
    GetUserDep,
    SessionDep,
    may_run,
    read_xcom,
    requires_access_dag,
)
from sentiment_lib.console import (
    alerts,
    decisions,
    drift,
    kept_pages,
    lineage,
    models,
    of_dag,
    overview,
    retraining,
    tweet_words,
    tweets,
    version_comparison,
)
from sentiment_lib.console.pages import BASE, Pages, draw, files
from sentiment_lib.errors import BadInput, NotFound, TooSlow
from sentiment_lib.pages.assets import CACHE_CONTROL
from sentiment_lib.pages.same_origin import is_same_origin
from sentiment_lib.pages.templates import content_security_policy
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings, load_settings
from sentiment_lib.storage import alert_responses, feedback
from sentiment_lib.storage import alerts as stored_alerts
from sentiment_lib.storage.engine import Store

#: Permission to see this DAG is permission to read; permission to run it is permission to act.
DAG = "retrain"
READ = Depends(requires_access_dag("GET", param_dag_id=DAG))
ACT = Depends(requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id=DAG))

#: Titles of error pages by status.
TITLES = {401: "Sign in first", 403: "You may not do this", 404: "Not found"}
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
#: Evidently's scripts are inline: its pages run in a sandbox, without our origin.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


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
        return unshown("; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()))

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


def draw_with(store: Store) -> Callable[..., HTMLResponse]:
    """A function that renders a template; its second argument is the address that the navigation marks."""
    pages = Pages(store)

    def page(template: str, here: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(pages.draw(template, here, **values), status_code=status)

    return page


def unshown(problem: str, *, title: str = "This cannot be shown", status: int = 422) -> HTMLResponse:
    """A page that says why there is none: the address means nothing, or what it asks for takes too long."""
    return HTMLResponse(draw("error.html", "/error", title=title, problem=problem), status_code=status)


def require_same_origin(request: Request) -> None:
    """Refuse a request that another site made."""
    if not is_same_origin(request.headers):
        raise HTTPException(403, "this request comes from another site")


def redirect(address: str | None, dag_id: str) -> Response:
    """Redirect to the console's page; a DAG of another project gets a page that says so."""
    if address is None:
        return HTMLResponse(draw("other_dag.html", "/dags", dag_id=dag_id))
    return RedirectResponse(f"{BASE}{address}", status_code=303)


def sandboxed(path: FilePath) -> FileResponse:
    """A page of Evidently."""
    return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": SANDBOX})


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


def add_tweets(app: FastAPI, store: Store, settings: Settings) -> None:
    """Search, export, and the page of a tweet, where people correct its prediction."""
    page = draw_with(store)

    @app.get("/tweets", dependencies=[READ])
    def search_tweets(request: Request) -> HTMLResponse:
        with store.begin() as connection:
            return page("tweets.html", "/tweets", **tweets.view(connection, request.query_params))

    @app.get("/tweets.csv", dependencies=[READ])
    def export_tweets(request: Request) -> Response:
        with store.begin() as connection:
            content = tweets.export(connection, request.query_params)
        headers = {"Content-Disposition": 'attachment; filename="tweets.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    reader = tweet_words.WordReader(settings)

    def shown(tweet_id: int, user: Any, *, words: bool = False, problem: str = "", status: int = 200) -> HTMLResponse:
        with store.begin() as connection:
            found = lineage.view(connection, tweet_id)
            spans = reader.view(connection, found.tweet.text) if words else None
        values = {"found": found, "words": spans, "may_act": may_run(DAG, user), "problem": problem}
        return page("tweet.html", "/tweets/one", **values, status=status)

    @app.get("/tweets/{tweet_id}", dependencies=[READ])
    def show_tweet(tweet_id: Id, user: GetUserDep, words: str = Query("", pattern="^(yes)?$")) -> HTMLResponse:
        return shown(tweet_id, user, words=bool(words))

    @app.post("/tweets/{tweet_id}", dependencies=[ACT])
    def correct(tweet_id: Id, request: Request, user: GetUserDep, label: Annotated[str, Form()]) -> Response:
        require_same_origin(request)
        try:
            with store.begin() as connection:
                feedback.correct(connection, tweet_id, label, by=user.get_name())
        except BadInput as error:
            return shown(tweet_id, user, problem=str(error), status=422)
        return RedirectResponse(f"{BASE}/tweets/{tweet_id}", status_code=303)


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


def add_drift(app: FastAPI, store: Store, settings: Settings) -> None:
    """Drift reports and the check of new tweets."""
    page = draw_with(store)

    @app.get("/drift", dependencies=[READ])
    def list_reports(before: Before = None) -> HTMLResponse:
        with store.begin() as connection:
            return page("drift.html", "/drift", **drift.list_view(connection, before))

    @app.get("/drift/{report_id}", dependencies=[READ])
    def show_report(report_id: Id) -> HTMLResponse:
        with store.begin() as connection:
            report = drift.view(connection, report_id)
        details = json.dumps(drift.figures(report), indent=2, ensure_ascii=False)
        return page("drift_report.html", "/drift/one", **drift.values(report), details=details)

    @app.get("/drift/{report_id}/evidently", dependencies=[READ])
    def show_evidently(report_id: Id) -> HTMLResponse:
        with store.begin() as connection:
            drift.page(connection, settings, report_id)
            frame = kept_pages.evidently_frame(drift.view(connection, report_id))
        return page("framed.html", "/drift/one", **frame)

    @app.get("/drift/{report_id}/evidently/page", dependencies=[READ])
    def show_evidently_page(report_id: Id) -> FileResponse:
        with store.begin() as connection:
            path = drift.page(connection, settings, report_id)
        return sandboxed(path)

    @app.get("/quality", dependencies=[READ])
    def show_quality() -> HTMLResponse:
        return page("framed.html", "/quality", **kept_pages.quality_frame(settings))

    @app.get("/quality/page", dependencies=[READ])
    def show_quality_page() -> FileResponse:
        return sandboxed(kept_pages.quality_path(settings))


def add_replays(app: FastAPI, store: Store, settings: Settings) -> None:
    """Pages of replays, each a file without scripts."""
    page = draw_with(store)

    @app.get("/replays/{digest}", dependencies=[READ])
    def show_replay(digest: Digest) -> HTMLResponse:
        return page("framed.html", "/replays/one", **kept_pages.replay_frame(settings, digest))

    @app.get("/replays/{digest}/page", dependencies=[READ])
    def show_replay_page(digest: Digest) -> FileResponse:
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return FileResponse(kept_pages.replay_path(settings, digest), media_type="text/html", headers=policy)


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


def add_models(app: FastAPI, store: Store, settings: Settings) -> None:
    """Model versions, their cards, and the lineage of a tweet."""
    page = draw_with(store)

    @app.get("/models", dependencies=[READ])
    def list_models(before: Before = None) -> HTMLResponse:
        with store.begin() as connection:
            return page("models.html", "/models", **models.view(connection, before))

    @app.get("/models/compare", dependencies=[READ])
    def compare_models(
        one: Annotated[int, Query(ge=1, le=MAX_ID)], other: Annotated[int, Query(ge=1, le=MAX_ID)]
    ) -> HTMLResponse:
        with store.begin() as connection:
            values = version_comparison.view(connection, settings.policy, one, other)
        return page("compare.html", "/models/compare", **values)

    @app.get("/models/{version}", dependencies=[READ])
    def show_card(version: Id) -> HTMLResponse:
        registry = Registry(settings)
        with store.begin() as connection:
            answer = models.describe(connection, version)
        card, plots = registry.card(version), registry.plots(version)
        return page("card.html", "/models/one", version=version, answer=answer, card=card, plots=plots)

    @app.get("/models/{version}/plots/{name}", dependencies=[READ])
    def show_plot(version: Id, name: str) -> Response:
        return Response(Registry(settings).plot(version, name), media_type="image/png")

    @app.get("/retraining", dependencies=[READ])
    def show_retraining() -> HTMLResponse:
        with store.begin() as connection:
            return page("retraining.html", "/retraining", **retraining.view(connection, settings.policy))

    @app.get("/lineage", dependencies=[READ])
    def show_lineage(tweet: str = Query("", pattern="^[0-9]{0,19}$")) -> HTMLResponse:
        tweet_lineage, missing = None, bool(tweet)
        if tweet and int(tweet) <= MAX_ID:
            try:
                with store.begin() as connection:
                    tweet_lineage = lineage.view(connection, int(tweet))
                missing = False
            except NotFound:
                tweet_lineage = None
        with store.begin() as connection:
            newest = [] if tweet else lineage.newest(connection)
        return page("lineage.html", "/lineage", asked=tweet, found=tweet_lineage, missing=missing, newest=newest)
